/** Instructions that are counted: XCHG with memory and others with a LOCK prefix, MFENCE, RDTSC. See interpreter/exchange.ts. */
import {
  ACCESS_RMW,
  CPU_COUNT_LOCKED,
  CPU_COUNT_MFENCE,
  CPU_COUNT_RDTSC,
  CPU_GPR,
  CPU_RDTSC_SLOW,
  CPU_TSC_OFFSET,
  TICKS_SHIFT,
} from '../hardware/cpu/layout.js';
import * as R from '../hardware/cpu/record.js';
import { arithmetic, unary } from './arithmetic.js';
import { CPU, OPERAND, VALUE } from './locals.js';
import { accessOperand, pushOperand, STORE } from './memory-operand.js';
import type { Operation, Translation } from './translation.js';
import { WASM } from './wasm-code.js';

const RAX = CPU_GPR;
const RDX = CPU_GPR + 2 * 8;

/** By operation (R_C). */
const LOCKED_BINARY = new Map<number, string>([
  [R.LOCKED_ADD, 'ADD'],
  [R.LOCKED_OR, 'OR'],
  [R.LOCKED_ADC, 'ADC'],
  [R.LOCKED_SBB, 'SBB'],
  [R.LOCKED_AND, 'AND'],
  [R.LOCKED_SUB, 'SUB'],
  [R.LOCKED_XOR, 'XOR'],
]);
const LOCKED_UNARY = new Map<number, string>([
  [R.LOCKED_INC, 'INC'],
  [R.LOCKED_DEC, 'DEC'],
  [R.LOCKED_NEG, 'NEG'],
  [R.LOCKED_NOT, 'NOT'],
]);

/** The translation of a LOCKED_* record with operation `number`, if it has one. */
export function locked(number: number, form: 'R' | 'I', bits: number): Operation | undefined {
  const binary = LOCKED_BINARY.get(number);
  if (binary !== undefined) return counting(CPU_COUNT_LOCKED, arithmetic(binary, form === 'R' ? 'MR' : 'MI', bits));
  const name = LOCKED_UNARY.get(number);
  return name === undefined ? undefined : counting(CPU_COUNT_LOCKED, unary(name, 'M', bits));
}

/** XCHG of a register with memory is locked without a prefix. */
export function exchange(bits: number): Operation {
  return counting(CPU_COUNT_LOCKED, (to, record) => {
    const { code, state } = to;
    accessOperand(to, record, bits, ACCESS_RMW);
    code.get(OPERAND);
    state.push(record.b, bits);
    pushOperand(to, bits);
    state.pop(record.b, bits);
    code.memory(STORE[bits], 0);
  });
}

export const mfence: Operation = counting(CPU_COUNT_MFENCE, () => undefined);

/** Left to the interpreter while it causes VM exits or faults. */
export const rdtsc: Operation = counting(CPU_COUNT_RDTSC, (to, record) => {
  const { code, state } = to;
  code.get(CPU);
  code.memory(WASM.i32_load, CPU_RDTSC_SLOW);
  code.open(WASM.if);
  to.leaveBefore(record);
  code.close();
  state.pushNow();
  code.i64(TICKS_SHIFT);
  code.op(WASM.i64_shr_u);
  code.get(CPU);
  code.memory(WASM.i64_load, CPU_TSC_OFFSET);
  code.op(WASM.i64_add);
  code.tee(VALUE);
  state.pop(RAX, 32);
  code.get(VALUE);
  code.i64(32);
  code.op(WASM.i64_shr_u);
  state.pop(RDX, 64);
});

/** Counts when the operation has not been left. */
function counting(counter: number, operation: Operation): Operation {
  return (to, record) => {
    operation(to, record);
    countOne(to, counter);
  };
}

function countOne({ code }: Translation, counter: number): void {
  code.get(CPU);
  code.get(CPU);
  code.memory(WASM.i64_load, counter);
  code.i64(1);
  code.op(WASM.i64_add);
  code.memory(WASM.i64_store, counter);
}
