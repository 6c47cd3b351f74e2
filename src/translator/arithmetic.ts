/** The two-operand and one-operand arithmetic and logic instructions. See interpreter/arithmetic.ts. */
import { ACCESS_READ, ACCESS_RMW } from '../hardware/cpu/layout.js';
import type { PendingFlags } from './block-state.js';
import type { CodeRecord } from './code-record.js';
import { FLAGS_A, FLAGS_B, FLAGS_CARRY, FLAGS_RESULT, OPERAND, VALUE } from './locals.js';
import { accessOperand, pushOperand, STORE } from './memory-operand.js';
import type { Form, Operation, Translation } from './translation.js';
import { WASM } from './wasm-code.js';

const SUM: PendingFlags = { carry: 'sum', overflow: 'sum', adjust: 'operands' };
const SUM_WITH_CARRY: PendingFlags = { carry: 'given', overflow: 'sum', adjust: 'operands' };
const DIFFERENCE: PendingFlags = { carry: 'difference', overflow: 'difference', adjust: 'operands' };
const DIFFERENCE_WITH_BORROW: PendingFlags = { carry: 'given', overflow: 'difference', adjust: 'operands' };
const LOGIC: PendingFlags = { carry: 'clear', overflow: 'clear', adjust: 'clear' };
const INCREMENT: PendingFlags = { carry: 'kept', overflow: 'sum', adjust: 'one' };

const LOGICAL = new Map<string, number>([
  ['AND', WASM.i64_and],
  ['TEST', WASM.i64_and],
  ['OR', WASM.i64_or],
  ['XOR', WASM.i64_xor],
]);
const COMPARING: readonly string[] = ['CMP', 'TEST'];

/** ADD to TEST. */
export function arithmetic(name: string, form: Form, bits: number): Operation {
  const toMemory = form.startsWith('M');
  const compares = COMPARING.includes(name);
  return (to, record) => {
    const { code, state } = to;
    if (form.includes('M')) accessOperand(to, record, bits, toMemory && !compares ? ACCESS_RMW : ACCESS_READ);
    const carries = name === 'ADC' || name === 'SBB';
    if (carries) {
      state.pushCarry();
      code.op(WASM.i64_extend_i32_u);
      code.set(FLAGS_CARRY);
    }
    if (toMemory) pushOperand(to, bits);
    else state.push(record.a, bits);
    code.set(FLAGS_A);
    if (form === 'RM') pushOperand(to, bits);
    else if (form.endsWith('I')) code.i64(record.immediate);
    else state.push(record.b, bits);
    code.set(FLAGS_B);
    code.get(FLAGS_A);
    code.get(FLAGS_B);
    state.flags = combine(to, name, bits);
    if (compares) return;
    if (toMemory) storeOperand(to, bits);
    else popResult(to, record, bits);
  };
}

function storeOperand({ code }: Translation, bits: number): void {
  code.get(OPERAND);
  code.get(FLAGS_RESULT);
  code.memory(STORE[bits], 0);
}

/** To the first register operand. */
export function popResult({ code, state }: Translation, { a }: CodeRecord, bits: number): void {
  code.get(FLAGS_RESULT);
  state.pop(a, bits);
}

/** Pops the operands and sets FLAGS_RESULT, and FLAGS_CARRY where it was an operand. */
function combine({ code, state }: Translation, name: string, bits: number): PendingFlags {
  const logical = LOGICAL.get(name);
  if (logical !== undefined) {
    code.op(logical);
    code.set(FLAGS_RESULT);
    return LOGIC;
  }
  const adds = name === 'ADD' || name === 'ADC';
  code.op(adds ? WASM.i64_add : WASM.i64_sub);
  if (name !== 'ADC' && name !== 'SBB') {
    state.extend(bits);
    code.set(FLAGS_RESULT);
    return adds ? SUM : DIFFERENCE;
  }
  code.get(FLAGS_CARRY);
  code.op(adds ? WASM.i64_add : WASM.i64_sub);
  state.extend(bits);
  code.set(FLAGS_RESULT);
  const pushOperands = (): void => {
    code.get(adds ? FLAGS_RESULT : FLAGS_A);
    code.get(adds ? FLAGS_A : FLAGS_B);
  };
  pushOperands();
  code.op(WASM.i64_le_u);
  pushOperands();
  code.op(WASM.i64_lt_u);
  code.get(FLAGS_CARRY);
  code.op(WASM.i32_wrap_i64, WASM.select, WASM.i64_extend_i32_u);
  code.set(FLAGS_CARRY);
  return adds ? SUM_WITH_CARRY : DIFFERENCE_WITH_BORROW;
}

/** INC, DEC, NEG and NOT. */
export function unary(name: string, form: 'R' | 'M', bits: number): Operation {
  return (to, record) => {
    const { code, state } = to;
    if (form === 'M') accessOperand(to, record, bits, ACCESS_RMW);
    const pushValue = (): void => {
      if (form === 'M') pushOperand(to, bits);
      else state.push(record.a, bits);
    };
    if (name === 'NOT') {
      pushValue();
      code.i64(-1);
      code.op(WASM.i64_xor);
      code.set(VALUE);
      if (form === 'M') {
        code.get(OPERAND);
        code.get(VALUE);
        code.memory(STORE[bits], 0);
      } else {
        code.get(VALUE);
        state.pop(record.a, bits);
      }
      return;
    }
    if (name === 'NEG') {
      code.i64(0);
      code.set(FLAGS_A);
      pushValue();
      code.set(FLAGS_B);
    } else {
      state.keepCarry();
      pushValue();
      code.set(FLAGS_A);
      code.i64(name === 'INC' ? 1 : -1);
      code.set(FLAGS_B);
    }
    code.get(FLAGS_A);
    code.get(FLAGS_B);
    code.op(name === 'NEG' ? WASM.i64_sub : WASM.i64_add);
    state.extend(bits);
    code.set(FLAGS_RESULT);
    state.flags = name === 'NEG' ? DIFFERENCE : INCREMENT;
    if (form === 'M') storeOperand(to, bits);
    else popResult(to, record, bits);
  };
}
