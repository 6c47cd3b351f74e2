// Register operands and the fields of a record.
import { RECORD_SIZE } from '../hardware/cpu/layout';
import { TRANSLATED } from '../hardware/cpu/opcodes';
import { R_A, R_B, R_C, R_IMMEDIATE, R_OP } from '../hardware/cpu/record';

// @ts-ignore: decorator
@inline
export function after(pc: usize): usize {
  return pc + RECORD_SIZE;
}

/** The opcode of a record, translated or not. */
// @ts-ignore: decorator
@inline
export function opcodeOf(pc: usize): i32 {
  return i32(load<u16>(pc, R_OP)) & ~TRANSLATED;
}

// @ts-ignore: decorator
@inline
export function registerA(cpu: usize, pc: usize): usize {
  return cpu + load<u8>(pc, R_A);
}

// @ts-ignore: decorator
@inline
export function registerB(cpu: usize, pc: usize): usize {
  return cpu + load<u8>(pc, R_B);
}

// @ts-ignore: decorator
@inline
export function registerC(cpu: usize, pc: usize): usize {
  return cpu + load<u8>(pc, R_C);
}

// @ts-ignore: decorator
@inline
export function immediate(pc: usize): i64 {
  return load<i64>(pc, R_IMMEDIATE);
}

/** Reads an operand, sign-extended (T is a signed type). */
// @ts-ignore: decorator
@inline
export function get<T>(at: usize): i64 {
  return i64(load<T>(at));
}

/** Writes a register: 32-bit results are zero-extended, 8- and 16-bit ones leave the rest. */
// @ts-ignore: decorator
@inline
export function put<T>(at: usize, value: i64): void {
  if (sizeof<T>() == 4) store<u64>(at, u64(u32(value)));
  else store<T>(at, <T>value);
}

/** Zero-extends a sign-extended operand. */
// @ts-ignore: decorator
@inline
export function unsigned<T>(value: i64): u64 {
  if (sizeof<T>() == 1) return u64(value) & 0xff;
  if (sizeof<T>() == 2) return u64(value) & 0xffff;
  if (sizeof<T>() == 4) return u64(value) & 0xffffffff;
  return u64(value);
}

/** Cuts a value to the operand size and sign-extends it. */
// @ts-ignore: decorator
@inline
export function cut<T>(value: i64): i64 {
  return i64(<T>value);
}

/** Operand size in bits. */
// @ts-ignore: decorator
@inline
export function bits<T>(): u32 {
  return u32(sizeof<T>()) * 8;
}
