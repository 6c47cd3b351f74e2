/** Branches, and what is executed by a call of the interpreter. See interpreter/control.ts. */
import { CPU_EXTRA_TICKS, CPU_LIMIT, RECORD_SIZE } from '../hardware/cpu/layout.js';
import * as OP from '../hardware/cpu/opcodes.js';
import type { CodeRecord } from './code-record.js';
import { CPU, IRET, NEXT, NOW, OPERAND, RARE, SPIN, VALUE } from './locals.js';
import { pushTargetInMemory } from './memory-operand.js';
import { fallsThrough } from './region.js';
import { accessPop, accessPush, finishPop, finishPush } from './stack.js';
import type { Translation } from './translation.js';
import { WASM } from './wasm-code.js';

/** Where a branch writes itself to. */
export interface Flow extends Translation {
  /** The instruction has retired. */
  count(record: CodeRecord): void;
  /** Leaves for the record in NEXT. */
  leaveForNext(): void;
  goToRecord(address: number): void;
  /** To the target of a direct branch. */
  goToTarget(record: CodeRecord): void;
  /** To the address in VALUE. */
  goToValue(): void;
  /** To the record in NEXT. */
  goToNext(): void;
  /** Pushes the linear address of an offset of the page. */
  pushLinear(offset: number): void;
}

export function writeConditional(to: Flow, record: CodeRecord): void {
  const { code, state } = to;
  state.pushCondition(record.opcode - OP.JCC0);
  to.count(record);
  code.open(WASM.if);
  to.goToTarget(record);
  code.close();
}

export function writeBranch(to: Flow, record: CodeRecord): void {
  const { code, state } = to;
  switch (record.opcode) {
    case OP.JMP_J:
      to.count(record);
      to.goToTarget(record);
      return;
    case OP.CALL_J:
      accessPush(to, record);
      storeReturn(to, record);
      to.count(record);
      to.goToTarget(record);
      return;
    case OP.RET:
      accessPop(to, record);
      code.get(OPERAND);
      code.memory(WASM.i64_load, 0);
      leaveUnlessCanonical(to, record);
      finishPop(to, 8n + record.immediate);
      break;
    case OP.JMP_R64:
      state.pushRegister(record.a);
      leaveUnlessCanonical(to, record);
      break;
    case OP.JMP_M64:
      pushTargetInMemory(to, record);
      leaveUnlessCanonical(to, record);
      break;
    case OP.CALL_R64:
      state.pushRegister(record.a);
      leaveUnlessCanonical(to, record);
      accessPush(to, record);
      storeReturn(to, record);
      break;
    default:
      pushTargetInMemory(to, record);
      leaveUnlessCanonical(to, record);
      accessPush(to, record);
      storeReturn(to, record);
  }
  to.count(record);
  to.goToValue();
}

/** Pops the address to go to into VALUE; one that is not canonical faults in the interpreter. */
function leaveUnlessCanonical(to: Flow, record: CodeRecord): void {
  const { code } = to;
  code.tee(VALUE);
  code.i64(16);
  code.op(WASM.i64_shl);
  code.i64(16);
  code.op(WASM.i64_shr_s);
  code.get(VALUE);
  code.op(WASM.i64_ne);
  code.open(WASM.if);
  to.leaveBefore(record);
  code.close();
}

function storeReturn(to: Flow, record: CodeRecord): void {
  to.code.get(OPERAND);
  to.pushLinear(record.offset + record.length);
  to.code.memory(WASM.i64_store, 0);
  finishPush(to);
}

/** Calls the interpreter, which may stop, or go somewhere else: to `target`, if that is not 0. */
export function writeCalled(to: Flow, record: CodeRecord, target: number): void {
  const { code, state } = to;
  state.release();
  callInterpreter(to, record);
  if (!fallsThrough(record)) {
    goElsewhere(to, record, target);
    return;
  }
  code.get(NEXT);
  code.i32(record.at + RECORD_SIZE);
  code.op(WASM.i32_ne);
  pushIsStopped(to);
  code.op(WASM.i32_or);
  code.open(WASM.if);
  goElsewhere(to, record, target);
  code.close();
}

/** Sets NEXT; 0 if the instruction has stopped. */
function callInterpreter({ code }: Flow, { at, opcode }: CodeRecord): void {
  code.get(CPU);
  code.i32(at);
  if (opcode === OP.IRETQ) {
    code.call(IRET);
    code.set(NEXT);
    return;
  }
  code.get(NOW);
  const spins = opcode === OP.SPIN || opcode === OP.SPIN_EXIT;
  code.call(spins ? SPIN : RARE);
  code.set(NEXT);
  if (!spins) return;
  code.get(NOW);
  code.get(CPU);
  code.memory(WASM.i64_load32_u, CPU_EXTRA_TICKS);
  code.op(WASM.i64_add);
  code.set(NOW);
  code.get(CPU);
  code.i32(0);
  code.memory(WASM.i32_store, CPU_EXTRA_TICKS);
}

function pushIsStopped({ code }: Flow): void {
  code.get(CPU);
  code.memory(WASM.i64_load, CPU_LIMIT);
  code.op(WASM.i64_eqz);
}

/** To NEXT, when the call of the interpreter has not simply come behind the instruction, which has retired unless NEXT is 0. */
function goElsewhere(to: Flow, record: CodeRecord, target: number): void {
  const { code } = to;
  code.get(NEXT);
  code.op(WASM.i32_eqz);
  code.open(WASM.if);
  to.leaveBefore(record);
  code.close();
  to.count(record);
  pushIsStopped(to);
  code.open(WASM.if);
  to.leaveForNext();
  code.close();
  if (target !== 0) {
    code.get(NEXT);
    code.i32(target);
    code.op(WASM.i32_eq);
    code.open(WASM.if);
    to.goToRecord(target);
    code.close();
  }
  to.goToNext();
}
