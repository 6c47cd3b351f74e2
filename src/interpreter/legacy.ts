// The stack and branches of 32-bit code. A stack that is not flat, or has 16-bit addresses, is left to the host.
// Everything else is the same as in 64-bit mode.
import { CPU_FLAT_STACK, CPU_GPR } from '../hardware/cpu/layout';
import { R_IMMEDIATE } from '../hardware/cpu/record';
import { RFLAGS_RF, RFLAGS_VM } from '../hardware/cpu/rflags';
import { following, go, target } from './control';
import { getFlags } from './flags';
import { address, toLoad, toPop, toPush, toStore } from './memory';
import { setPopped, slow } from './miscellaneous';
import { after, immediate, registerA } from './operand';

const RSP = CPU_GPR + 4 * 8;
const RBP = CPU_GPR + 5 * 8;

function isFlat(cpu: usize): bool {
  return load<u32>(cpu, CPU_FLAT_STACK) != 0;
}

/** Pushes and moves ESP. False: stopped. */
function push(cpu: usize, pc: usize, value: u32): bool {
  if (!isFlat(cpu)) return slow(cpu, pc) != 0;
  const esp = load<u32>(cpu, RSP) - 4;
  const to = toPush<u32>(cpu, esp);
  if (to == 0) return false;
  store<u32>(to, value);
  store<u64>(cpu, esp, RSP);
  return true;
}

export function push32(cpu: usize, pc: usize, value: u32): usize {
  return push(cpu, pc, value) ? after(pc) : 0;
}

export function pushR32(cpu: usize, pc: usize): usize {
  return push32(cpu, pc, load<u32>(registerA(cpu, pc)));
}

export function pushI32(cpu: usize, pc: usize): usize {
  return push32(cpu, pc, u32(immediate(pc)));
}

export function pushM32(cpu: usize, pc: usize): usize {
  const from = toLoad<u32>(cpu, pc, address(cpu, pc));
  return from == 0 ? 0 : push32(cpu, pc, load<u32>(from));
}

export function popR32(cpu: usize, pc: usize): usize {
  if (!isFlat(cpu)) return slow(cpu, pc);
  const esp = load<u32>(cpu, RSP);
  const from = toPop<u32>(cpu, esp);
  if (from == 0) return 0;
  store<u64>(cpu, esp + 4, RSP);
  store<u64>(registerA(cpu, pc), load<u32>(from));
  return after(pc);
}

/** An address that uses ESP sees it incremented. */
export function popM32(cpu: usize, pc: usize): usize {
  if (!isFlat(cpu)) return slow(cpu, pc);
  const esp = load<u32>(cpu, RSP);
  const from = toPop<u32>(cpu, esp);
  if (from == 0) return 0;
  const value = load<u32>(from);
  store<u64>(cpu, esp + 4, RSP);
  const to = toStore<u32>(cpu, pc, address(cpu, pc));
  if (to == 0) {
    store<u64>(cpu, esp, RSP);
    return 0;
  }
  store<u32>(to, value);
  return after(pc);
}

export function pushf32(cpu: usize, pc: usize): usize {
  return push32(cpu, pc, getFlags(cpu) & ~(RFLAGS_VM | RFLAGS_RF));
}

export function popf32(cpu: usize, pc: usize): usize {
  if (!isFlat(cpu)) return slow(cpu, pc);
  const from = toPop<u32>(cpu, load<u32>(cpu, RSP));
  return from == 0 ? 0 : setPopped(cpu, pc, load<u32>(from), 4);
}

export function leave32(cpu: usize, pc: usize): usize {
  if (!isFlat(cpu)) return slow(cpu, pc);
  const frame = load<u32>(cpu, RBP);
  const from = toPop<u32>(cpu, frame);
  if (from == 0) return 0;
  store<u64>(cpu, load<u32>(from), RBP);
  store<u64>(cpu, frame + 4, RSP);
  return after(pc);
}

export function call32(cpu: usize, pc: usize): usize {
  return push(cpu, pc, u32(following(cpu, pc))) ? target(cpu, pc) : 0;
}

export function callR32(cpu: usize, pc: usize): usize {
  const eip = load<u32>(registerA(cpu, pc));
  return push(cpu, pc, u32(following(cpu, pc))) ? go(cpu, eip) : 0;
}

export function callM32(cpu: usize, pc: usize): usize {
  const from = toLoad<u32>(cpu, pc, address(cpu, pc));
  if (from == 0) return 0;
  const eip = load<u32>(from);
  return push(cpu, pc, u32(following(cpu, pc))) ? go(cpu, eip) : 0;
}

export function jmpR32(cpu: usize, pc: usize): usize {
  return go(cpu, load<u32>(registerA(cpu, pc)));
}

export function jmpM32(cpu: usize, pc: usize): usize {
  const from = toLoad<u32>(cpu, pc, address(cpu, pc));
  return from == 0 ? 0 : go(cpu, load<u32>(from));
}

export function ret32(cpu: usize, pc: usize): usize {
  if (!isFlat(cpu)) return slow(cpu, pc);
  const esp = load<u32>(cpu, RSP);
  const from = toPop<u32>(cpu, esp);
  if (from == 0) return 0;
  store<u64>(cpu, esp + 4 + load<u32>(pc, R_IMMEDIATE), RSP);
  return go(cpu, load<u32>(from));
}
