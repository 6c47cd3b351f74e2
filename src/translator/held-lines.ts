/** Operands on tracked pages of the TLB, in lines that the CPU holds: as `heldLines` of interpreter/memory.ts. */
import {
  ACCESS_READ,
  CPU_LINE_MASKS,
  LINE_MASK_SIZE,
  TLB_INFO,
  TLB_OTHER,
  TLB_TRACKED,
  TLB_TRACKED_READ_ONLY,
} from '../hardware/cpu/layout.js';
import { CPU, OPERAND, TAG } from './locals.js';
import { pushLast } from './tlb-place.js';
import { WASM, type WasmCode } from './wasm-code.js';

const MAY_READ = 0;
const MAY_WRITE = 8;

/** Is the page of TAG a tracked one in the TLB entry at OPERAND, which may be accessed? */
export function pushIsTracked(code: WasmCode, kind: number): void {
  code.get(OPERAND);
  code.memory(WASM.i64_load, TLB_OTHER);
  if (kind === ACCESS_READ) {
    code.i64(~(TLB_TRACKED ^ TLB_TRACKED_READ_ONLY));
    code.op(WASM.i64_and);
  }
  code.get(TAG);
  code.op(WASM.i64_eq);
}

/** Does the CPU hold the lines of the `size` bytes at ADDRESS? */
export function pushAreHeld(code: WasmCode, size: number, kind: number): void {
  code.get(CPU);
  code.memory(WASM.i32_load, CPU_LINE_MASKS);
  code.get(OPERAND);
  code.memory(WASM.i32_load, TLB_INFO);
  code.i32(Math.log2(LINE_MASK_SIZE));
  code.op(WASM.i32_shl, WASM.i32_add);
  code.memory(WASM.i64_load, kind === ACCESS_READ ? MAY_READ : MAY_WRITE);
  code.i64(-1);
  code.op(WASM.i64_xor);
  pushLine(code, 1);
  if (size > 1) {
    pushLine(code, size);
    code.op(WASM.i64_or);
  }
  code.op(WASM.i64_and, WASM.i64_eqz);
}

/** Pushes the bit of the line of the last of `size` bytes. */
function pushLine(code: WasmCode, size: number): void {
  code.i64(1);
  pushLast(code, size);
  code.i64(6);
  code.op(WASM.i64_shr_u, WASM.i64_shl);
}
