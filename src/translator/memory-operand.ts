/**
 * Memory operands: effective addresses, and where the operands stand, on private pages of the software TLB or in lines that
 * the CPU holds (held-lines.ts); all else is left to the interpreter. See interpreter/memory.ts.
 */
import {
  ACCESS_READ,
  CPU_ZERO,
  REGION_LENGTH_SHIFT,
  REGION_REST_SHIFT,
  REGION_STACK,
  TLB_ADDEND,
  TLB_READ,
  TLB_WRITE,
} from '../hardware/cpu/layout.js';
import { ADDRESS_16, ADDRESS_32, ADDRESS_64, ADDRESS_SEGMENT, SCALE_SPECIAL } from '../hardware/cpu/record.js';
import type { CodeRecord } from './code-record.js';
import { pushAreHeld, pushIsTracked } from './held-lines.js';
import { ACCESS, ADDRESS, CPU, FOUND, NOW, OPERAND, TAG, TLB } from './locals.js';
import { addPlace, pushLast } from './tlb-place.js';
import type { Translation } from './translation.js';
import { WASM } from './wasm-code.js';

/** Can translated code work out the address of the memory operand? */
export function hasPlainAddress({ addressFlags }: CodeRecord): boolean {
  return (addressFlags & (ADDRESS_16 | ADDRESS_SEGMENT)) === 0;
}

/** Pushes the linear address of the memory operand. */
export function pushAddress({ code, state }: Translation, record: CodeRecord): void {
  const { addressFlags, base, index, segment } = record;
  if ((addressFlags & ADDRESS_64) !== 0) {
    code.i64(record.immediate);
  } else {
    state.pushRegister(base);
    if (index !== CPU_ZERO) {
      state.pushRegister(index);
      code.i64(record.scale & ~SCALE_SPECIAL);
      code.op(WASM.i64_shl, WASM.i64_add);
    }
    if (record.displacement !== 0) {
      code.i64(record.displacement);
      code.op(WASM.i64_add);
    }
  }
  if ((addressFlags & ADDRESS_32) !== 0) {
    code.i64(0xffff_ffff);
    code.op(WASM.i64_and);
  }
  if (record.scale < SCALE_SPECIAL || segment === CPU_ZERO) return;
  state.pushRegister(segment);
  code.op(WASM.i64_add);
}

/** Sets OPERAND to where the `size` bytes at ADDRESS stand. */
export function access(to: Translation, record: CodeRecord, size: number, kind: number, stack: number): void {
  const { code } = to;
  const ends = code.open(WASM.block);
  const known = code.open(WASM.block);
  code.get(TLB);
  addPlace(code);
  code.tee(OPERAND);
  code.memory(WASM.i64_load, kind === ACCESS_READ ? TLB_READ : TLB_WRITE);
  pushLast(code, size);
  code.i64(~0xfffn);
  code.op(WASM.i64_and);
  code.i64(1);
  code.op(WASM.i64_or);
  code.tee(TAG);
  code.op(WASM.i64_eq);
  code.branch(WASM.br_if, known);
  pushIsTracked(code, kind);
  code.open(WASM.if);
  pushAreHeld(code, size, kind);
  code.branch(WASM.br_if, known);
  code.close();
  callForAccess(to, record, size, kind, stack);
  code.branch(WASM.br, ends);
  code.close();
  code.get(OPERAND);
  code.memory(WASM.i32_load, TLB_ADDEND);
  code.get(ADDRESS);
  code.op(WASM.i32_wrap_i64);
  code.i32(0xfff);
  code.op(WASM.i32_and, WASM.i32_add);
  code.set(OPERAND);
  code.close();
}

/** Has the interpreter find the operand. Where it finds none the instruction is left to it. */
function callForAccess(to: Translation, record: CodeRecord, size: number, kind: number, stack: number): void {
  const { code, state } = to;
  code.get(CPU);
  code.get(ADDRESS);
  const rest = state.lastTicks - state.ticks;
  code.i32(kind | (stack * REGION_STACK) | ((size - 1) << REGION_LENGTH_SHIFT) | (rest << REGION_REST_SHIFT));
  state.pushNow();
  state.pushRetired();
  code.call(ACCESS);
  code.tee(FOUND);
  code.op(WASM.i32_wrap_i64);
  code.set(OPERAND);
  code.get(NOW);
  code.get(FOUND);
  code.i64(32);
  code.op(WASM.i64_shr_u, WASM.i64_add);
  code.set(NOW);
  code.get(OPERAND);
  code.op(WASM.i32_eqz);
  code.open(WASM.if);
  to.leaveBefore(record);
  code.close();
}

/** Pushes the address that an indirect branch finds in memory. */
export function pushTargetInMemory(to: Translation, record: CodeRecord): void {
  accessOperand(to, record, 64, ACCESS_READ);
  pushOperand(to, 64);
}

/** `access` to the memory operand. */
export function accessOperand(to: Translation, record: CodeRecord, bits: number, kind: number): void {
  pushAddress(to, record);
  to.code.set(ADDRESS);
  access(to, record, bits / 8, kind, record.isStack);
}

/** By bits. */
export const SIGNED_LOAD: Readonly<Record<number, number>> = {
  8: WASM.i64_load8_s,
  16: WASM.i64_load16_s,
  32: WASM.i64_load32_s,
  64: WASM.i64_load,
};
export const UNSIGNED_LOAD: Readonly<Record<number, number>> = {
  8: WASM.i64_load8_u,
  16: WASM.i64_load16_u,
  32: WASM.i64_load32_u,
  64: WASM.i64_load,
};
export const STORE: Readonly<Record<number, number>> = {
  8: WASM.i64_store8,
  16: WASM.i64_store16,
  32: WASM.i64_store32,
  64: WASM.i64_store,
};

/** Pushes the operand that `access` has found, sign-extended. */
export function pushOperand({ code }: Translation, bits: number): void {
  code.get(OPERAND);
  code.memory(SIGNED_LOAD[bits], 0);
}
