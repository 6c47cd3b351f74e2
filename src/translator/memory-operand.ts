/**
 * Memory operands: effective addresses, and where the operands stand, if the line TLB has them (interpreter/line-tlb.ts); all
 * else is left to the interpreter.
 */
import {
  ACCESS_READ,
  CPU_LINE_TLB,
  CPU_ZERO,
  LINE_TLB_ADDEND,
  LINE_TLB_ENTRIES,
  LINE_TLB_ENTRY_SIZE,
  LINE_TLB_READ,
  LINE_TLB_WRITE,
  REGION_LENGTH_SHIFT,
  REGION_REST_SHIFT,
  REGION_STACK,
} from '../hardware/cpu/layout.js';
import { ADDRESS_16, ADDRESS_32, ADDRESS_64, ADDRESS_SEGMENT, SCALE_SPECIAL } from '../hardware/cpu/record.js';
import { LINE_SIZE } from '../hardware/memory/physical-memory.js';
import type { CodeRecord } from './code-record.js';
import { ACCESS, ADDRESS, CPU, FOUND, LINE_KIND, NOW, OPERAND } from './locals.js';
import type { Translation } from './translation.js';
import { WASM, type WasmCode } from './wasm-code.js';

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
  pushPlace(code);
  code.tee(OPERAND);
  code.memory(WASM.i64_load, CPU_LINE_TLB + (kind === ACCESS_READ ? LINE_TLB_READ : LINE_TLB_WRITE));
  code.get(ADDRESS);
  if (size > 1) {
    code.i64(size - 1);
    code.op(WASM.i64_add);
  }
  code.i64(~(LINE_SIZE - 1));
  code.op(WASM.i64_and);
  code.get(LINE_KIND);
  code.op(WASM.i64_or, WASM.i64_eq);
  code.branch(WASM.br_if, known);
  callForAccess(to, record, size, kind, stack);
  code.branch(WASM.br, ends);
  code.close();
  code.get(OPERAND);
  code.memory(WASM.i32_load, CPU_LINE_TLB + LINE_TLB_ADDEND);
  code.get(ADDRESS);
  code.op(WASM.i32_wrap_i64, WASM.i32_add);
  code.set(OPERAND);
  code.close();
}

/** Pushes the place of the line of ADDRESS in the line TLB, counted from CPU_LINE_TLB: `placeAt` of interpreter/line-tlb.ts. */
function pushPlace(code: WasmCode): void {
  code.get(ADDRESS);
  code.op(WASM.i32_wrap_i64);
  code.i32(Math.log2(LINE_SIZE / LINE_TLB_ENTRY_SIZE));
  code.op(WASM.i32_shr_u);
  code.i32((LINE_TLB_ENTRIES - 1) * LINE_TLB_ENTRY_SIZE);
  code.op(WASM.i32_and);
  code.get(CPU);
  code.op(WASM.i32_add);
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
