/**
 * The `senduipi` workload: CPU 0 sends a user interrupt at privilege level 3, CPU 1 takes it in a user-level spin
 * loop. Supervisor code only sets up the tables and MSRs (SDM volume 1, chapter 9).
 */
import { Code, Instruction, Register } from 'iced-x86';
import { CR4_UINTR } from '../../hardware/cpu/control-register-bits.js';
import { Assembler, type Label } from '../assembler.js';
import {
  INNER_CYCLES,
  MAILBOX_DONE,
  ONLINE,
  UITT,
  UPID,
  USER_CODE,
  USER_CODE_SELECTOR,
  USER_DATA_SELECTOR,
  USER_STACK_SIZE,
  USER_STACKS,
} from '../memory-map.js';
import { dword, EAX, qword, R12, RAX, RBP, RBX, RCX, RSP } from '../operand.js';
import { emitEnableApic, emitWriteMsr } from './local-apic.js';
import { emitMeasurement, readTsc } from './measurement.js';
import type { Program, ProgramOptions } from './program.js';
import { emitBootstrapStart, emitExit, emitIdle, emitIdleProcessor } from './start.js';

/** The receiver's user-interrupt notification vector (UINV). */
export const USER_NOTIFICATION_VECTOR = 0xec;
const USER_VECTOR = 1;
const EXIT_CALL_VECTOR = 0x80;
const UITT_INDEX = 0;
const RECEIVER = 1;

const MSR_UINTR_HANDLER = 0x986;
const MSR_UINTR_STACKADJUST = 0x987;
const MSR_UINTR_MISC = 0x988;
const MSR_UINTR_PD = 0x989;
const MSR_UINTR_TT = 0x98a;
const RED_ZONE = 128;
const TT_ENABLE = 1;
const RFLAGS_IF_ONLY = 0x202;
const UITTE_VALID = 1;

export function senduipi(asm: Assembler, options: ProgramOptions): Program {
  const user = emitUserCode(options);
  const bootstrap = emitSender(asm, options, user.sender);
  const receiver = emitReceiver(asm, options, user);
  const idle = emitIdleProcessor(asm, options);
  const exit = asm.here('exit_call');
  emitExit(asm);
  return {
    entry: (cpu) => (cpu === 0 ? bootstrap : cpu === RECEIVER ? receiver : idle),
    gates: [{ vector: EXIT_CALL_VECTOR, handler: exit, dpl: 3 }],
    apicAccessors: null,
    iteration: user.iteration,
    user: user.asm,
  };
}

/** The sender's target table and the receiver's descriptor, as bytes of memory. */
export function userInterruptTables(apicMode: ProgramOptions['apicMode']): { gpa: number; bytes: Uint8Array }[] {
  const entry = new DataView(new ArrayBuffer(16));
  entry.setUint8(0, UITTE_VALID);
  entry.setUint8(1, USER_VECTOR);
  entry.setBigUint64(8, BigInt(UPID), true);
  const descriptor = new DataView(new ArrayBuffer(64));
  descriptor.setUint8(2, USER_NOTIFICATION_VECTOR);
  descriptor.setUint32(4, apicMode === 'xapic' ? RECEIVER << 8 : RECEIVER, true);
  return [
    { gpa: UITT, bytes: new Uint8Array(entry.buffer) },
    { gpa: UPID, bytes: new Uint8Array(descriptor.buffer) },
  ];
}

function emitSender(asm: Assembler, options: ProgramOptions, start: number): Label {
  const bootstrap = asm.here('bootstrap');
  emitBootstrapStart(asm, options);
  emitWriteMsr(asm, MSR_UINTR_TT, UITT | TT_ENABLE);
  emitWriteMsr(asm, MSR_UINTR_MISC, UITT_INDEX);
  emitEnableUserInterrupts(asm);
  emitEnterUserMode(asm, start, USER_STACKS);
  return bootstrap;
}

function emitReceiver(asm: Assembler, { apicMode }: ProgramOptions, user: UserCode): Label {
  asm.align(16);
  const start = asm.here('receiver');
  emitEnableApic(asm, apicMode);
  emitWriteMsr(asm, MSR_UINTR_HANDLER, user.handler);
  emitWriteMsr(asm, MSR_UINTR_STACKADJUST, RED_ZONE);
  emitWriteMsr(asm, MSR_UINTR_PD, UPID);
  emitWriteMsr(asm, MSR_UINTR_MISC, 0, USER_NOTIFICATION_VECTOR);
  emitEnableUserInterrupts(asm);
  asm.lock.inc(dword(ONLINE));
  emitEnterUserMode(asm, user.receiver, USER_STACKS + USER_STACK_SIZE);
  return start;
}

function emitEnableUserInterrupts(asm: Assembler): void {
  asm.movControl(Code.Mov_r64_cr, Register.RAX, Register.CR4);
  asm.or(RAX, CR4_UINTR);
  asm.movControl(Code.Mov_cr_r64, Register.CR4, Register.RAX);
}

/** IRETQ to `rip` at privilege level 3, interrupts enabled. */
function emitEnterUserMode(asm: Assembler, rip: number, stackBase: number): void {
  asm.push(USER_DATA_SELECTOR);
  asm.push(stackBase + USER_STACK_SIZE);
  asm.push(RFLAGS_IF_ONLY);
  asm.push(USER_CODE_SELECTOR);
  asm.push(rip);
  asm.plain(Code.Iretq);
}

interface UserCode {
  readonly asm: Assembler;
  /** Addresses. */
  readonly sender: number;
  readonly receiver: number;
  readonly handler: number;
  readonly iteration: number;
}

function emitUserCode(options: ProgramOptions): UserCode {
  const asm = new Assembler(USER_CODE);
  const receiver = asm.here('receiver');
  asm.plain(Code.Stui);
  emitIdle(asm, options.apHaltPolicy);
  const handler = emitUserHandler(asm);
  const operation = emitOperation(asm);
  asm.align(16);
  const sender = asm.here('sender');
  const iteration = emitMeasurement(asm, options, operation);
  asm.int(EXIT_CALL_VECTOR);
  const { addressOf } = asm.assemble();
  return {
    asm,
    sender: addressOf(sender),
    receiver: addressOf(receiver),
    handler: addressOf(handler),
    iteration: addressOf(iteration),
  };
}

/** The stack holds the user vector, RIP, RFLAGS and RSP. */
function emitUserHandler(asm: Assembler): Label {
  asm.align(16);
  const handler = asm.here('user_handler');
  asm.mov(dword(MAILBOX_DONE), 1);
  asm.add(RSP, 8);
  asm.plain(Code.Uiret);
  return handler;
}

function emitOperation(asm: Assembler): Label {
  asm.align(16);
  const operation = asm.here('senduipi');
  asm.plain(Code.Endbr64);
  asm.push(RBP);
  asm.mov(RBP, RSP);
  asm.push(RBX);
  asm.push(R12);
  readTsc(asm, RBX);
  asm.mov(dword(MAILBOX_DONE), 0);
  asm.mov(R12, UITT_INDEX);
  asm.emit(() => Instruction.createReg(Code.Senduipi_r64, Register.R12));
  const spin = asm.here('wait_for_done');
  asm.mov(EAX, dword(MAILBOX_DONE));
  asm.test(EAX, EAX);
  asm.jcc('e', spin);
  readTsc(asm, RAX);
  asm.sub(RAX, RBX);
  asm.mov(RCX, qword(INNER_CYCLES));
  asm.add(RCX, RAX);
  asm.mov(qword(INNER_CYCLES), RCX);
  asm.pop(R12);
  asm.pop(RBX);
  asm.pop(RBP);
  asm.ret();
  return operation;
}
