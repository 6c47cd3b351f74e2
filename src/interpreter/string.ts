// String instructions (SDM vol. 1, 7.3.9). One element per turn of the run loop, so that a repeated one can be
// interrupted between any two elements and charges its cost per element.
import { CPU_GPR, CPU_SYSTEM_FLAGS, SEGMENT_LOAD, SEGMENT_STORE } from '../hardware/cpu/layout';
import {
  ADDRESS_32,
  ADDRESS_SEGMENT,
  R_ADDRESS_FLAGS,
  R_C,
  R_SEGMENT,
  REPEAT_NONE,
  REPEAT_WHILE_EQUAL,
  REPEAT_WHILE_NOT_EQUAL,
} from '../hardware/cpu/record';
import { RFLAGS_DF } from '../hardware/cpu/rflags';
import { CMP, alu } from './arithmetic';
import { zero } from './flags';
import { segmented, toLoad, toStore } from './memory';
import { after, get, put } from './operand';

export const MOVS = 0;
export const STOS = 1;
export const LODS = 2;
export const SCAS = 3;
export const CMPS = 4;

const RAX = CPU_GPR;
const RCX = CPU_GPR + 1 * 8;
const RSI = CPU_GPR + 6 * 8;
const RDI = CPU_GPR + 7 * 8;
const SEGMENT_ES = 0;

function count(cpu: usize, pc: usize): u64 {
  const rcx = load<u64>(cpu, RCX);
  return load<u8>(pc, R_ADDRESS_FLAGS) & ADDRESS_32 ? u64(u32(rcx)) : rcx;
}

function pointer(cpu: usize, pc: usize, register: usize): u64 {
  const value = load<u64>(cpu + register);
  return load<u8>(pc, R_ADDRESS_FLAGS) & ADDRESS_32 ? u64(u32(value)) : value;
}

function source<T>(cpu: usize, pc: usize): u64 {
  const offset = pointer(cpu, pc, RSI);
  if (load<u8>(pc, R_ADDRESS_FLAGS) & ADDRESS_SEGMENT) {
    return segmented(cpu, load<u8>(pc, R_SEGMENT), offset, sizeof<T>(), SEGMENT_LOAD);
  }
  return offset + load<u64>(cpu + load<u8>(pc, R_SEGMENT));
}

function destination<T>(cpu: usize, pc: usize, range: u32): u64 {
  const offset = pointer(cpu, pc, RDI);
  const isSegmented = (load<u8>(pc, R_ADDRESS_FLAGS) & ADDRESS_SEGMENT) != 0;
  return isSegmented ? segmented(cpu, SEGMENT_ES, offset, sizeof<T>(), range) : offset;
}

function setPointer(cpu: usize, pc: usize, register: usize, value: u64): void {
  store<u64>(cpu + register, load<u8>(pc, R_ADDRESS_FLAGS) & ADDRESS_32 ? u64(u32(value)) : value);
}

function step<T>(cpu: usize, pc: usize, register: usize): void {
  const size: u64 = sizeof<T>();
  const down = (load<u32>(cpu, CPU_SYSTEM_FLAGS) & RFLAGS_DF) != 0;
  const value = load<u64>(cpu + register);
  setPointer(cpu, pc, register, down ? value - size : value + size);
}

/** False: stopped, nothing committed. */
// @ts-ignore: decorator
@inline
function element<T>(cpu: usize, pc: usize, op: i32): bool {
  let from: usize = 0;
  let value: i64 = 0;
  if (op == MOVS || op == LODS || op == CMPS) {
    from = toLoad<T>(cpu, pc, source<T>(cpu, pc));
    if (from == 0) return false;
    value = get<T>(from);
  } else value = get<T>(cpu + RAX);
  if (op == MOVS || op == STOS) {
    const to = toStore<T>(cpu, pc, destination<T>(cpu, pc, SEGMENT_STORE));
    if (to == 0) return false;
    store<T>(to, <T>value);
  } else if (op == SCAS || op == CMPS) {
    const other = toLoad<T>(cpu, pc, destination<T>(cpu, pc, SEGMENT_LOAD));
    if (other == 0) return false;
    alu<T>(cpu, CMP, value, get<T>(other));
  } else put<T>(cpu + RAX, value);
  if (op == MOVS || op == LODS || op == CMPS) step<T>(cpu, pc, RSI);
  if (op != LODS) step<T>(cpu, pc, RDI);
  return true;
}

/** Returns `pc` itself while there are elements left. */
// @ts-ignore: decorator
@inline
export function string<T>(cpu: usize, pc: usize, op: i32): usize {
  const repeat = i32(load<u8>(pc, R_C));
  if (repeat == REPEAT_NONE) return element<T>(cpu, pc, op) ? after(pc) : 0;
  let left = count(cpu, pc);
  if (left == 0) return after(pc);
  if (!element<T>(cpu, pc, op)) return 0;
  setPointer(cpu, pc, RCX, --left);
  if (left == 0) return after(pc);
  if (repeat == REPEAT_WHILE_EQUAL && !zero(cpu)) return after(pc);
  if (repeat == REPEAT_WHILE_NOT_EQUAL && zero(cpu)) return after(pc);
  return pc;
}
