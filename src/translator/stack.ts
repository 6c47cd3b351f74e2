/** PUSH, POP, LEAVE, and what CALL and RET have in common with them. See interpreter/control.ts. */
import { ACCESS_READ, ACCESS_WRITE, CPU_GPR } from '../hardware/cpu/layout.js';
import type { CodeRecord } from './code-record.js';
import { ADDRESS, OPERAND } from './locals.js';
import { access, pushOperand } from './memory-operand.js';
import type { Operation, Translation } from './translation.js';
import { WASM } from './wasm-code.js';

const RSP = CPU_GPR + 4 * 8;
const RBP = CPU_GPR + 5 * 8;

/** Finds room for eight bytes below RSP, which does not move yet. */
export function accessPush(to: Translation, record: CodeRecord): void {
  to.state.pushRegister(RSP);
  to.code.i64(8);
  to.code.op(WASM.i64_sub);
  to.code.set(ADDRESS);
  access(to, record, 8, ACCESS_WRITE, 1);
}

/** Moves RSP to what `accessPush` has found. */
export function finishPush({ code, state }: Translation): void {
  code.get(ADDRESS);
  state.pop(RSP, 64);
}

/** Finds the eight bytes at the address in `register`. */
export function accessPop(to: Translation, record: CodeRecord, register = RSP): void {
  to.state.pushRegister(register);
  to.code.set(ADDRESS);
  access(to, record, 8, ACCESS_READ, 1);
}

/** RSP goes to `bytes` above what `accessPop` has found. */
export function finishPop({ code, state }: Translation, bytes: bigint): void {
  code.get(ADDRESS);
  code.i64(bytes);
  code.op(WASM.i64_add);
  state.pop(RSP, 64);
}

export function push(form: 'R' | 'I'): Operation {
  return (to, record) => {
    const { code, state } = to;
    accessPush(to, record);
    code.get(OPERAND);
    if (form === 'I') code.i64(record.immediate);
    else state.push(record.a, 64);
    code.memory(WASM.i64_store, 0);
    finishPush(to);
  };
}

export const pop: Operation = (to, record) => {
  accessPop(to, record);
  finishPop(to, 8n);
  pushOperand(to, 64);
  to.state.pop(record.a, 64);
};

export const leave: Operation = (to, record) => {
  accessPop(to, record, RBP);
  finishPop(to, 8n);
  pushOperand(to, 64);
  to.state.pop(RBP, 64);
};
