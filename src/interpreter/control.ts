// Branches, calls and the stack (64-bit mode).
import { VECTOR_GP } from '../hardware/cpu/exception-vector';
import {
  CPU_CODE_BASE,
  CPU_GPR,
  CPU_ITLB,
  CPU_POINTERS,
  ITLB_ENTRIES,
  ITLB_ENTRY_SIZE,
  ITLB_MAP,
  RECORD_SIZE,
  STOP_NO_RECORD,
} from '../hardware/cpu/layout';
import { R_C, R_IMMEDIATE, R_LENGTH, R_OFFSET, R_TARGET, R_TARGET_OFFSET } from '../hardware/cpu/record';
import { isSettled } from './region';
import { address, canonical, toLoad, toPop, toPush, toStore } from './memory';
import { after, get, immediate, put, registerA } from './operand';
import { fault, stop } from './stop';

const RSP = CPU_GPR + 4 * 8;
const RBP = CPU_GPR + 5 * 8;

/** Stands for the instruction at CPU_CODE_BASE while nothing is decoded there: its opcode is NO_RECORD, 0. */
const undecoded: usize = memory.data(RECORD_SIZE, 16);

/** The code map of the page of linear address `rip`, or 0. */
// @ts-ignore: decorator
@inline
export function codeMap(cpu: usize, rip: u64): usize {
  const entry = load<u32>(cpu, CPU_ITLB) + (u32(rip >> 12) & (ITLB_ENTRIES - 1)) * ITLB_ENTRY_SIZE;
  return load<u64>(entry) == ((rip & ~u64(0xfff)) | 1) ? load<u32>(entry, ITLB_MAP) : u32(0);
}

/** The record of the instruction at linear address `rip`, or 0. */
// @ts-ignore: decorator
@inline
export function lookUp(cpu: usize, rip: u64): usize {
  const map = codeMap(cpu, rip);
  return map == 0 ? 0 : load<u32>(map + ((u32(rip) & 0xfff) << 2));
}

/** Goes on at `rip`: its record, or the one that stops for want of a record. */
export function go(cpu: usize, rip: u64): usize {
  const record = lookUp(cpu, rip);
  if (record == 0) return goUndecoded(cpu, rip);
  store<u64>(cpu, rip & ~u64(0xfff), CPU_CODE_BASE);
  isSettled(cpu, record);
  return record;
}

export function goUndecoded(cpu: usize, rip: u64): usize {
  store<u64>(cpu, rip, CPU_CODE_BASE);
  return undecoded;
}

export function noRecord(cpu: usize): usize {
  return stop(cpu, STOP_NO_RECORD);
}

/** Linear address of the instruction behind `pc`. */
// @ts-ignore: decorator
@inline
export function following(cpu: usize, pc: usize): u64 {
  return load<u64>(cpu, CPU_CODE_BASE) + load<u16>(pc, R_OFFSET) + load<u8>(pc, R_LENGTH);
}

/** The record a direct branch goes to. */
// @ts-ignore: decorator
@inline
export function target(cpu: usize, pc: usize): usize {
  const known: usize = load<u32>(pc, R_TARGET);
  return known != 0 ? known : findTarget(cpu, pc);
}

/** Looks the target up, and remembers it when it is on the same page. */
export function findTarget(cpu: usize, pc: usize): usize {
  const base = load<u64>(cpu, CPU_CODE_BASE);
  const rip = base + load<i32>(pc, R_TARGET_OFFSET);
  const record = lookUp(cpu, rip);
  if (record == 0) return goUndecoded(cpu, rip);
  store<u64>(cpu, rip & ~u64(0xfff), CPU_CODE_BASE);
  if (isSettled(cpu, record) && (base ^ rip) >> 12 == 0) store<u32>(pc, u32(record), R_TARGET);
  return record;
}

// @ts-ignore: decorator
@inline
export function jumpIf(cpu: usize, pc: usize, taken: bool): usize {
  return taken ? target(cpu, pc) : after(pc);
}

// @ts-ignore: decorator
@inline
function jumpTo(cpu: usize, rip: u64): usize {
  return canonical(rip) ? go(cpu, rip) : fault(cpu, VECTOR_GP, 0);
}

export function jmpR(cpu: usize, pc: usize): usize {
  return jumpTo(cpu, load<u64>(registerA(cpu, pc)));
}

export function jmpM(cpu: usize, pc: usize): usize {
  const from = toLoad<u64>(cpu, pc, address(cpu, pc));
  return from == 0 ? 0 : jumpTo(cpu, load<u64>(from));
}

/** Pushes the return address and moves RSP. False: stopped. */
// @ts-ignore: decorator
@inline
function pushReturn(cpu: usize, pc: usize): bool {
  const rsp = load<u64>(cpu, RSP) - 8;
  const to = toPush<u64>(cpu, rsp);
  if (to == 0) return false;
  store<u64>(to, following(cpu, pc));
  store<u64>(cpu, rsp, RSP);
  return true;
}

export function call(cpu: usize, pc: usize): usize {
  return pushReturn(cpu, pc) ? target(cpu, pc) : 0;
}

export function callR(cpu: usize, pc: usize): usize {
  const rip = load<u64>(registerA(cpu, pc));
  if (!canonical(rip)) return fault(cpu, VECTOR_GP, 0);
  return pushReturn(cpu, pc) ? go(cpu, rip) : 0;
}

export function callM(cpu: usize, pc: usize): usize {
  const from = toLoad<u64>(cpu, pc, address(cpu, pc));
  if (from == 0) return 0;
  const rip = load<u64>(from);
  if (!canonical(rip)) return fault(cpu, VECTOR_GP, 0);
  return pushReturn(cpu, pc) ? go(cpu, rip) : 0;
}

/** RET; the immediate is what it adds to RSP. */
export function ret(cpu: usize, pc: usize): usize {
  const rsp = load<u64>(cpu, RSP);
  const from = toPop<u64>(cpu, rsp);
  if (from == 0) return 0;
  const rip = load<u64>(from);
  if (!canonical(rip)) return fault(cpu, VECTOR_GP, 0);
  store<u64>(cpu, rsp + 8 + load<u64>(pc, R_IMMEDIATE), RSP);
  return go(cpu, rip);
}

// ---- Stack

// @ts-ignore: decorator
@inline
export function push<T>(cpu: usize, pc: usize, value: i64): usize {
  const rsp = load<u64>(cpu, RSP) - sizeof<T>();
  const to = toPush<T>(cpu, rsp);
  if (to == 0) return 0;
  store<T>(to, <T>value);
  store<u64>(cpu, rsp, RSP);
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function pushR<T>(cpu: usize, pc: usize): usize {
  return push<T>(cpu, pc, get<T>(registerA(cpu, pc)));
}

// @ts-ignore: decorator
@inline
export function pushI<T>(cpu: usize, pc: usize): usize {
  return push<T>(cpu, pc, immediate(pc));
}

// @ts-ignore: decorator
@inline
export function pushM<T>(cpu: usize, pc: usize): usize {
  const from = toLoad<T>(cpu, pc, address(cpu, pc));
  return from == 0 ? 0 : push<T>(cpu, pc, get<T>(from));
}

// @ts-ignore: decorator
@inline
export function popR<T>(cpu: usize, pc: usize): usize {
  const rsp = load<u64>(cpu, RSP);
  const from = toPop<T>(cpu, rsp);
  if (from == 0) return 0;
  const value = load<T>(from);
  store<u64>(cpu, rsp + sizeof<T>(), RSP);
  store<T>(registerA(cpu, pc), value);
  return after(pc);
}

/** POP to memory: an address that uses RSP sees it incremented. */
// @ts-ignore: decorator
@inline
export function popM<T>(cpu: usize, pc: usize): usize {
  const rsp = load<u64>(cpu, RSP);
  const from = toPop<T>(cpu, rsp);
  if (from == 0) return 0;
  const value = load<T>(from);
  store<u64>(cpu, rsp + sizeof<T>(), RSP);
  const to = toStore<T>(cpu, pc, address(cpu, pc));
  if (to == 0) {
    store<u64>(cpu, rsp, RSP);
    return 0;
  }
  store<T>(to, value);
  return after(pc);
}

export function leave(cpu: usize, pc: usize): usize {
  const frame = load<u64>(cpu, RBP);
  const from = toPop<u64>(cpu, frame);
  if (from == 0) return 0;
  store<u64>(cpu, load<u64>(from), RBP);
  store<u64>(cpu, frame + 8, RSP);
  return after(pc);
}

/**
 * ENTER; R_C is the nesting level. The operands of all loads and stores are found before anything is copied; at most one
 * load and one store can cross a page.
 */
export function enter(cpu: usize, pc: usize): usize {
  const level: u64 = load<u8>(pc, R_C);
  const frame = load<u64>(cpu, RSP) - 8;
  const old = load<u64>(cpu, RBP);
  const copies = level > 0 ? level - 1 : 0;
  for (let i: u64 = 0; i < copies; i++) {
    const from = toPop<u64>(cpu, old - (i + 1) * 8);
    if (from == 0) return 0;
    store<u32>(cpu + (usize(i) << 3), u32(from), CPU_POINTERS);
  }
  const pushes = level > 0 ? level + 1 : 1;
  for (let i: u64 = 0; i < pushes; i++) {
    const to = toPush<u64>(cpu, frame - i * 8);
    if (to == 0) return 0;
    store<u32>(cpu + (usize(i) << 3), u32(to), CPU_POINTERS + 4);
  }
  store<u64>(load<u32>(cpu, CPU_POINTERS + 4), old);
  for (let i: usize = 0; i < usize(copies); i++) {
    store<u64>(load<u32>(cpu + (i << 3), CPU_POINTERS + 12), load<u64>(load<u32>(cpu + (i << 3), CPU_POINTERS)));
  }
  if (level > 0) store<u64>(load<u32>(cpu + (usize(level) << 3), CPU_POINTERS + 4), frame);
  store<u64>(cpu, frame, RBP);
  store<u64>(cpu, frame - (pushes - 1) * 8 - immediate(pc), RSP);
  return after(pc);
}

/** LOOP, LOOPE, LOOPNE and JRCXZ count in RCX, or in ECX with an address-size prefix. */
// @ts-ignore: decorator
@inline
export function loop<T>(cpu: usize, pc: usize, unlessZeroIs: i32, isZero: bool): usize {
  const count = registerA(cpu, pc);
  const left = get<T>(count) - 1;
  put<T>(count, left);
  return jumpIf(cpu, pc, <T>left != 0 && i32(isZero) != unlessZeroIs);
}

// @ts-ignore: decorator
@inline
export function jumpIfCountZero<T>(cpu: usize, pc: usize): usize {
  return jumpIf(cpu, pc, load<T>(registerA(cpu, pc)) == 0);
}
