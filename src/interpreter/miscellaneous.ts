// Flag instructions, sign extensions of the accumulator, XLAT, time stamps, fences, PAUSE, and what leaves the run.
import { BLOCKING_BY_STI } from '../hardware/cpu/activity';
import {
  CPU_CF,
  CPU_COUNT_MFENCE,
  CPU_COUNT_PAUSE,
  CPU_COUNT_RDTSC,
  CPU_CPL,
  CPU_GPR,
  CPU_PAUSE_SLOW,
  CPU_PLE_FIRST,
  CPU_PLE_GAP,
  CPU_PLE_LAST,
  CPU_PLE_ON,
  CPU_PLE_WINDOW,
  CPU_RDTSC_SLOW,
  CPU_SHADOW,
  CPU_SYSTEM_FLAGS,
  CPU_TSC_OFFSET,
  STOP_FLAGS,
  STOP_MARKER,
  STOP_PAUSE_LOOP,
  STOP_SLOW,
  TICKS_SHIFT,
} from '../hardware/cpu/layout';
import { R_IMMEDIATE } from '../hardware/cpu/record';
import { RFLAGS_DF, RFLAGS_IF, RFLAGS_IOPL, RFLAGS_RF } from '../hardware/cpu/rflags';
import { push } from './control';
import { getFlags, setArithmeticFlags, setSystemFlags } from './flags';
import { dropEarlierLines } from './lines';
import { address, toLoad, toPop } from './memory';
import { after } from './operand';
import { stop, stopAfter, stopWith } from './stop';

const RAX = CPU_GPR;
const RDX = CPU_GPR + 16;
const RSP = CPU_GPR + 32;
const AH = CPU_GPR + 1;

/** Flags that POPF may change, besides the arithmetic ones: TF IF DF NT AC ID, and IOPL at CPL 0. */
const POPF_FLAGS: u32 = 0x244700;

/** The host executes it. */
export function slow(cpu: usize, pc: usize): usize {
  dropEarlierLines(cpu);
  return stopWith(cpu, STOP_SLOW, u32(pc));
}

export function marker(cpu: usize, pc: usize): usize {
  return stopAfter(cpu, pc, STOP_MARKER, load<u32>(pc, R_IMMEDIATE));
}

// @ts-ignore: decorator
@inline
export function countOne(cpu: usize, counter: usize): void {
  store<u64>(cpu + counter, load<u64>(cpu + counter) + 1);
}

export function rdtsc(cpu: usize, pc: usize, now: u64): usize {
  if (load<u32>(cpu, CPU_RDTSC_SLOW) != 0) return slow(cpu, pc);
  const tsc = (now >> u64(TICKS_SHIFT)) + load<u64>(cpu, CPU_TSC_OFFSET);
  store<u64>(cpu, tsc & 0xffffffff, RAX);
  store<u64>(cpu, tsc >> 32, RDX);
  countOne(cpu, CPU_COUNT_RDTSC);
  return after(pc);
}

export function mfence(cpu: usize, pc: usize): usize {
  countOne(cpu, CPU_COUNT_MFENCE);
  return after(pc);
}

/** PAUSE with the rule of PAUSE-loop exiting (SDM vol. 3, 26.1.3), which counts at CPL 0 only. */
export function pause(cpu: usize, pc: usize, now: u64): usize {
  if (load<u32>(cpu, CPU_PAUSE_SLOW) != 0) return slow(cpu, pc);
  if (load<u32>(cpu, CPU_PLE_ON) != 0 && load<u32>(cpu, CPU_CPL) == 0) {
    const last = load<u64>(cpu, CPU_PLE_LAST);
    if (last == 0 || now - last > load<u64>(cpu, CPU_PLE_GAP)) {
      store<u64>(cpu, now, CPU_PLE_FIRST);
    } else if (now - load<u64>(cpu, CPU_PLE_FIRST) > load<u64>(cpu, CPU_PLE_WINDOW)) {
      return stop(cpu, STOP_PAUSE_LOOP);
    }
    store<u64>(cpu, now, CPU_PLE_LAST);
  }
  countOne(cpu, CPU_COUNT_PAUSE);
  return after(pc);
}

// ---- Flags

export function pushf(cpu: usize, pc: usize): usize {
  return push<u64>(cpu, pc, getFlags(cpu) & ~RFLAGS_RF);
}

export function pushf16(cpu: usize, pc: usize): usize {
  return push<u16>(cpu, pc, getFlags(cpu));
}

export function popf(cpu: usize, pc: usize): usize {
  const from = toPop<u64>(cpu, load<u64>(cpu, RSP));
  return from == 0 ? 0 : setPopped(cpu, pc, load<u32>(from), 8);
}

export function popf16(cpu: usize, pc: usize): usize {
  const from = toPop<u16>(cpu, load<u64>(cpu, RSP));
  if (from == 0) return 0;
  return setPopped(cpu, pc, (load<u32>(cpu, CPU_SYSTEM_FLAGS) & 0xffff0000) | load<u16>(from), 2);
}

/** A changed system flag lets the host look for events. */
export function setPopped(cpu: usize, pc: usize, popped: u32, size: u64): usize {
  store<u64>(cpu, load<u64>(cpu, RSP) + size, RSP);
  return loadFlags(cpu, popped) ? stopAfter(cpu, pc, STOP_FLAGS, 0) : after(pc);
}

/** IOPL changes at CPL 0 only, IF if CPL <= IOPL; RF becomes 0. True: a system flag other than DF has changed. */
export function loadFlags(cpu: usize, popped: u32): bool {
  const old = load<u32>(cpu, CPU_SYSTEM_FLAGS);
  let may = POPF_FLAGS;
  if (load<u32>(cpu, CPU_CPL) == 0) may |= RFLAGS_IOPL;
  if (!hasIoPrivilege(cpu)) may &= ~RFLAGS_IF;
  const system = ((old & ~may) | (popped & may)) & ~RFLAGS_RF;
  setArithmeticFlags(cpu, popped);
  setSystemFlags(cpu, system);
  return ((system ^ old) & ~RFLAGS_DF) != 0;
}

export function lahf(cpu: usize, pc: usize): usize {
  store<u8>(cpu, u8(getFlags(cpu)), AH);
  return after(pc);
}

export function sahf(cpu: usize, pc: usize): usize {
  setArithmeticFlags(cpu, (getFlags(cpu) & ~u32(0xff)) | load<u8>(cpu, AH));
  return after(pc);
}

export function cmc(cpu: usize, pc: usize): usize {
  store<u32>(cpu, load<u32>(cpu, CPU_CF) ^ 1, CPU_CF);
  return after(pc);
}

export function clc(cpu: usize, pc: usize): usize {
  store<u32>(cpu, 0, CPU_CF);
  return after(pc);
}

export function stc(cpu: usize, pc: usize): usize {
  store<u32>(cpu, 1, CPU_CF);
  return after(pc);
}

export function cld(cpu: usize, pc: usize): usize {
  store<u32>(cpu, load<u32>(cpu, CPU_SYSTEM_FLAGS) & ~RFLAGS_DF, CPU_SYSTEM_FLAGS);
  return after(pc);
}

export function std(cpu: usize, pc: usize): usize {
  store<u32>(cpu, load<u32>(cpu, CPU_SYSTEM_FLAGS) | RFLAGS_DF, CPU_SYSTEM_FLAGS);
  return after(pc);
}

/** May this privilege level change IF? */
// @ts-ignore: decorator
@inline
function hasIoPrivilege(cpu: usize): bool {
  return load<u32>(cpu, CPU_CPL) <= (load<u32>(cpu, CPU_SYSTEM_FLAGS) & RFLAGS_IOPL) >> 12;
}

export function cli(cpu: usize, pc: usize): usize {
  if (!hasIoPrivilege(cpu)) return slow(cpu, pc);
  store<u32>(cpu, load<u32>(cpu, CPU_SYSTEM_FLAGS) & ~RFLAGS_IF, CPU_SYSTEM_FLAGS);
  return after(pc);
}

/** Interrupts stay blocked for one more instruction if they were disabled. */
export function sti(cpu: usize, pc: usize): usize {
  if (!hasIoPrivilege(cpu)) return slow(cpu, pc);
  const flags = load<u32>(cpu, CPU_SYSTEM_FLAGS);
  if ((flags & RFLAGS_IF) != 0) return after(pc);
  store<u32>(cpu, flags | RFLAGS_IF, CPU_SYSTEM_FLAGS);
  store<u32>(cpu, load<u32>(cpu, CPU_SHADOW) | BLOCKING_BY_STI, CPU_SHADOW);
  return stopAfter(cpu, pc, STOP_FLAGS, 0);
}

// ---- Accumulator

export function cbw(cpu: usize, pc: usize): usize {
  store<i16>(cpu, load<i8>(cpu, RAX), RAX);
  return after(pc);
}

export function cwde(cpu: usize, pc: usize): usize {
  store<u64>(cpu, u64(u32(i32(load<i16>(cpu, RAX)))), RAX);
  return after(pc);
}

export function cdqe(cpu: usize, pc: usize): usize {
  store<i64>(cpu, load<i32>(cpu, RAX), RAX);
  return after(pc);
}

export function cwd(cpu: usize, pc: usize): usize {
  store<i16>(cpu, load<i16>(cpu, RAX) >> 15, RDX);
  return after(pc);
}

export function cdq(cpu: usize, pc: usize): usize {
  store<u64>(cpu, u64(u32(load<i32>(cpu, RAX) >> 31)), RDX);
  return after(pc);
}

export function cqo(cpu: usize, pc: usize): usize {
  store<i64>(cpu, load<i64>(cpu, RAX) >> 63, RDX);
  return after(pc);
}

export function xlat(cpu: usize, pc: usize): usize {
  const from = toLoad<u8>(cpu, pc, address(cpu, pc) + load<u8>(cpu, RAX));
  if (from == 0) return 0;
  store<u8>(cpu, load<u8>(from), RAX);
  return after(pc);
}
