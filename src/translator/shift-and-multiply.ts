/** Shifts by an immediate, and IMUL. See interpreter/shift.ts and multiply.ts. */
import { ACCESS_READ } from '../hardware/cpu/layout.js';
import { popResult } from './arithmetic.js';
import type { PendingFlags } from './block-state.js';
import { FLAGS_A, FLAGS_B, FLAGS_CARRY, FLAGS_OVERFLOW, FLAGS_RESULT, MULTIPLY_HIGH } from './locals.js';
import { accessOperand, pushOperand } from './memory-operand.js';
import type { Operation } from './translation.js';
import { WASM } from './wasm-code.js';

const GIVEN: PendingFlags = { carry: 'given', overflow: 'given', adjust: 'clear' };
const WITHOUT_OVERFLOW: PendingFlags = { carry: 'given', overflow: 'clear', adjust: 'clear' };

/** SHL, SHR and SAR of a register by an immediate. */
export function shift(name: string, bits: number): Operation {
  return (to, record) => {
    const { code, state } = to;
    const count = Number(record.immediate & BigInt(bits - 1));
    state.push(record.a, bits);
    if (count === 0) {
      state.pop(record.a, bits);
      return;
    }
    code.set(FLAGS_A);
    code.get(FLAGS_A);
    if (name === 'SHR' && bits === 32) {
      code.i64(0xffff_ffff);
      code.op(WASM.i64_and);
      code.tee(FLAGS_A);
    }
    const amount = name === 'SHL' ? bits - count : count - 1;
    code.i64(amount);
    code.op(WASM.i64_shr_u);
    code.i64(1);
    code.op(WASM.i64_and);
    code.set(FLAGS_CARRY);
    code.get(FLAGS_A);
    code.i64(count);
    code.op(name === 'SHL' ? WASM.i64_shl : name === 'SHR' ? WASM.i64_shr_u : WASM.i64_shr_s);
    state.extend(bits);
    code.set(FLAGS_RESULT);
    if (name !== 'SAR') {
      code.get(FLAGS_RESULT);
      code.get(name === 'SHL' ? FLAGS_CARRY : FLAGS_RESULT);
      code.i64(name === 'SHL' ? 63 : 1);
      code.op(WASM.i64_shl);
      if (name === 'SHR') state.extend(bits);
      code.op(WASM.i64_xor);
      code.set(FLAGS_OVERFLOW);
    }
    state.flags = name === 'SAR' ? WITHOUT_OVERFLOW : GIVEN;
    popResult(to, record, bits);
  };
}

/** IMUL with two or three operands. */
export function multiply(form: 'RR' | 'RM' | 'RRI', bits: number): Operation {
  return (to, record) => {
    const { code, state } = to;
    if (form === 'RM') accessOperand(to, record, bits, ACCESS_READ);
    state.push(form === 'RRI' ? record.b : record.a, bits);
    code.set(FLAGS_A);
    if (form === 'RM') pushOperand(to, bits);
    else if (form === 'RRI') code.i64(record.immediate);
    else state.push(record.b, bits);
    code.set(FLAGS_B);
    code.get(FLAGS_A);
    code.get(FLAGS_B);
    code.op(WASM.i64_mul);
    state.extend(bits);
    code.set(FLAGS_RESULT);
    code.get(FLAGS_A);
    code.get(FLAGS_B);
    if (bits === 64) code.call(MULTIPLY_HIGH);
    else code.op(WASM.i64_mul);
    code.get(FLAGS_RESULT);
    if (bits === 64) {
      code.i64(63);
      code.op(WASM.i64_shr_s);
    }
    code.op(WASM.i64_ne, WASM.i64_extend_i32_u);
    code.tee(FLAGS_CARRY);
    code.i64(63);
    code.op(WASM.i64_shl);
    code.set(FLAGS_OVERFLOW);
    state.flags = GIVEN;
    popResult(to, record, bits);
  };
}
