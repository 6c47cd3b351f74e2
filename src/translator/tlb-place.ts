/** Where the software TLB has a page: `placeOf` of interpreter/memory.ts. */
import { TLB_ENTRIES } from '../hardware/cpu/layout.js';
import { ADDRESS } from './locals.js';
import { WASM, type WasmCode } from './wasm-code.js';

const TLB_ENTRY_SIZE = 32;

/** Adds the place of the page of ADDRESS to the address of a TLB bank. */
export function addPlace(code: WasmCode): void {
  code.get(ADDRESS);
  code.i64(12);
  code.op(WASM.i64_shr_u);
  code.get(ADDRESS);
  code.i64(18);
  code.op(WASM.i64_shr_u, WASM.i64_add, WASM.i32_wrap_i64);
  code.i32(Math.log2(TLB_ENTRY_SIZE));
  code.op(WASM.i32_shl);
  code.i32((TLB_ENTRIES - 1) * TLB_ENTRY_SIZE);
  code.op(WASM.i32_and, WASM.i32_add);
}

/** Pushes the address of the last of `size` bytes at ADDRESS. */
export function pushLast(code: WasmCode, size: number): void {
  code.get(ADDRESS);
  if (size === 1) return;
  code.i64(size - 1);
  code.op(WASM.i64_add);
}
