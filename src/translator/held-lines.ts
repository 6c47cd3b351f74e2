/**
 * The functions of a region that find operands which are not on private pages of the TLB: in lines that the CPU holds, as
 * `heldLines` of interpreter/memory.ts; the interpreter does what else there is to do.
 */
import {
  ACCESS_READ,
  CPU_LINE_MASKS,
  CPU_TLB,
  LINE_MASK_SIZE,
  REGION_LENGTH,
  REGION_LENGTH_SHIFT,
  TLB_ADDEND,
  TLB_INFO,
  TLB_OTHER,
  TLB_TRACKED,
  TLB_TRACKED_READ_ONLY,
} from '../hardware/cpu/layout.js';
import { ACCESS, FIND_FOR_READING, FIND_FOR_WRITING } from './locals.js';
import { addPlace } from './tlb-place.js';
import { I32, I64, WASM, WasmCode, type WasmFunction } from './wasm-code.js';

// Parameters: those of `accessFromRegion`
const CPU = 0;
const FIRST = 1;
const HOW = 2;
const NOW = 3;
const RETIRED = 4;
// 64 bits
const LAST = 5;
// 32 bits
const ENTRY = 6;

const TYPE = { parameters: [I32, I64, I32, I64, I64], result: I64 };
const MAY_READ = 0;
const MAY_WRITE = 8;

/** The number of the function for an access. */
export function finderFor(access: number): number {
  return access === ACCESS_READ ? FIND_FOR_READING : FIND_FOR_WRITING;
}

/** In the order of their numbers. */
export function finders(): readonly WasmFunction[] {
  return [finder(MAY_READ), finder(MAY_WRITE)];
}

function finder(right: number): WasmFunction {
  const code = new WasmCode();
  code.get(CPU);
  code.memory(WASM.i32_load, CPU_TLB);
  addPlace(code, FIRST);
  code.set(ENTRY);
  code.get(FIRST);
  code.get(HOW);
  code.i32(REGION_LENGTH_SHIFT);
  code.op(WASM.i32_shr_u);
  code.i32(REGION_LENGTH);
  code.op(WASM.i32_and, WASM.i64_extend_i32_u, WASM.i64_add);
  code.set(LAST);
  pushIsTracked(code, right);
  code.open(WASM.if);
  pushAreHeld(code, right);
  code.open(WASM.if);
  pushOperand(code);
  code.op(WASM.return);
  code.close();
  code.close();
  for (const parameter of [CPU, FIRST, HOW, NOW, RETIRED]) code.get(parameter);
  code.call(ACCESS);
  return { type: TYPE, locals: [I64, I32], code };
}

/** Is the page of LAST a tracked one that may be accessed? */
function pushIsTracked(code: WasmCode, right: number): void {
  code.get(ENTRY);
  code.memory(WASM.i64_load, TLB_OTHER);
  code.get(LAST);
  code.i64(~0xfffn);
  code.op(WASM.i64_and, WASM.i64_xor);
  if (right === MAY_READ) {
    code.i64(~(TLB_TRACKED ^ TLB_TRACKED_READ_ONLY));
    code.op(WASM.i64_and);
  }
  code.i64(TLB_TRACKED);
  code.op(WASM.i64_eq);
}

/** Does the CPU hold the lines of FIRST and LAST? */
function pushAreHeld(code: WasmCode, right: number): void {
  code.get(CPU);
  code.memory(WASM.i32_load, CPU_LINE_MASKS);
  code.get(ENTRY);
  code.memory(WASM.i32_load, TLB_INFO);
  code.i32(Math.log2(LINE_MASK_SIZE));
  code.op(WASM.i32_shl, WASM.i32_add);
  code.memory(WASM.i64_load, right);
  code.i64(-1);
  code.op(WASM.i64_xor);
  pushLine(code, FIRST);
  pushLine(code, LAST);
  code.op(WASM.i64_or, WASM.i64_and, WASM.i64_eqz);
}

function pushLine(code: WasmCode, address: number): void {
  code.i64(1);
  code.get(address);
  code.i64(6);
  code.op(WASM.i64_shr_u, WASM.i64_shl);
}

function pushOperand(code: WasmCode): void {
  code.get(ENTRY);
  code.memory(WASM.i32_load, TLB_ADDEND);
  code.get(FIRST);
  code.op(WASM.i32_wrap_i64);
  code.i32(0xfff);
  code.op(WASM.i32_and, WASM.i32_add, WASM.i64_extend_i32_u);
}
