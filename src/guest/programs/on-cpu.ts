/**
 * Running a function on another CPU by IPI, with the memory traffic and the order of kvm-unit-tests' on_cpu: one
 * mailbox in one cache line, guarded by a spinlock; the target signals completion before it signals EOI.
 */
import { Code } from 'iced-x86';
import type { Assembler, Label } from '../assembler.js';
import {
  ACCESSOR_WRITE_ICR,
  GS_APIC_ACCESSORS,
  GS_CPU_NUMBER,
  ID_MAP,
  MAILBOX_ACTIVE,
  MAILBOX_ARGUMENT,
  MAILBOX_DONE,
  MAILBOX_FUNCTION,
  MAILBOX_LOCK,
  MAILBOX_WAIT,
} from '../memory-map.js';
import {
  dword,
  dwordElement,
  EAX,
  EBX,
  ECX,
  EDI,
  ESI,
  perCpuDword,
  perCpuQword,
  qword,
  R12,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
  RSP,
  type RegisterOperand,
} from '../operand.js';
import type { ApicCode } from './local-apic.js';

export const IPI_VECTOR = 0x20;
/** Fixed delivery, physical destination, assert: vector 20H. */
const IPI_COMMAND = 0x4000 | IPI_VECTOR;
const SAVED: readonly RegisterOperand[] = [RAX, RBX, RCX, RDX, RSI, RDI];

export interface OnCpuCode {
  /** onCpu(EDI cpu, RSI function, RDX argument): returns when the function has run there. */
  readonly onCpu: Label;
  /** A function that does nothing. */
  readonly nop: Label;
  /** Handler of IPI_VECTOR. */
  readonly handler: Label;
}

/** `phase` NOPs follow the handler: they shift the phase of the loop that it returns to. */
export function emitOnCpu(asm: Assembler, apic: ApicCode, phase: number): OnCpuCode {
  const start = emitStart(asm, emitSend(asm));
  asm.align(16);
  const onCpu = asm.here('on_cpu');
  asm.plain(Code.Endbr64);
  asm.sub(RSP, 8);
  asm.mov(ECX, 1);
  asm.mov(EDI, EDI);
  asm.call(start);
  asm.add(RSP, 8);
  asm.ret();

  asm.align(16);
  const nop = asm.here('nop');
  asm.plain(Code.Endbr64);
  asm.ret();
  return { onCpu, nop, handler: emitHandler(asm, apic, phase) };
}

/** send(EDI command, ESI destination), through this CPU's APIC accessors. */
function emitSend(asm: Assembler): Label {
  asm.align(16);
  const send = asm.here('apic_icr_write');
  asm.plain(Code.Endbr64);
  asm.push(RBP);
  asm.mov(RBP, RSP);
  asm.mov(RAX, perCpuQword(GS_APIC_ACCESSORS));
  asm.call(qword(RAX, ACCESSOR_WRITE_ICR));
  asm.pop(RBP);
  asm.ret();
  return send;
}

/** start(EDI cpu, RSI function, RDX argument, ECX wait): the sender's side. */
function emitStart(asm: Assembler, send: Label): Label {
  const release = asm.label('release');
  asm.align(16);
  const start = asm.here('on_cpu_wait');
  asm.plain(Code.Endbr64);
  asm.push(RBX);
  asm.push(R12);
  asm.push(RBP);
  asm.mov(R12, RSI);
  asm.mov(RBP, RDX);
  const acquire = asm.here('acquire');
  asm.mov(EAX, 1);
  asm.xchg(dword(MAILBOX_LOCK), EAX);
  asm.test(EAX, EAX);
  asm.jcc('ne', acquire);
  asm.mov(EBX, dwordElement(ID_MAP, RDI));
  asm.cmp(EDI, perCpuDword(GS_CPU_NUMBER));
  asm.jcc('e', release);
  asm.lock.inc(dword(MAILBOX_ACTIVE));
  asm.mov(dword(MAILBOX_DONE), 0);
  asm.mov(qword(MAILBOX_FUNCTION), R12);
  asm.mov(qword(MAILBOX_ARGUMENT), RBP);
  asm.mov(dword(MAILBOX_WAIT), ECX);
  asm.mov(ESI, EBX);
  asm.mov(EDI, IPI_COMMAND);
  asm.call(send);
  const spin = asm.here('wait_for_done');
  asm.mov(EAX, dword(MAILBOX_DONE));
  asm.test(EAX, EAX);
  asm.jcc('e', spin);
  asm.bind(release);
  asm.mov(dword(MAILBOX_LOCK), 0);
  asm.pop(RBP);
  asm.pop(R12);
  asm.pop(RBX);
  asm.ret();
  return start;
}

/** The target's side: entry from the interrupt-descriptor table and the handler proper. */
function emitHandler(asm: Assembler, apic: ApicCode, phase: number): Label {
  const handle = asm.label('ipi_handle');
  asm.align(16);
  const entry = asm.here('ipi_entry');
  asm.push(RBP);
  asm.mov(RBP, RSP);
  asm.and(RSP, -16);
  asm.call(handle);
  asm.mov(RSP, RBP);
  asm.pop(RBP);
  for (let nops = 0; nops < phase; nops++) asm.plain(Code.Nopd);
  asm.plain(Code.Iretq);

  const withoutWaiting = asm.label('ipi_without_waiting');
  const restore = asm.label('ipi_restore');
  const decrement = asm.label('decrement_active');
  asm.align(16);
  asm.bind(handle);
  asm.plain(Code.Endbr64);
  for (const register of SAVED) asm.push(register);
  asm.sub(RSP, 8);
  asm.mov(RAX, qword(MAILBOX_FUNCTION));
  asm.mov(RDI, qword(MAILBOX_ARGUMENT));
  asm.mov(EBX, dword(MAILBOX_WAIT));
  asm.test(EBX, EBX);
  asm.jcc('e', withoutWaiting);
  asm.call(RAX);
  asm.call(decrement);
  asm.mov(dword(MAILBOX_DONE), 1);
  asm.call(apic.eoi);
  asm.bind(restore);
  asm.add(RSP, 8);
  for (const register of SAVED.toReversed()) asm.pop(register);
  asm.ret();

  asm.bind(withoutWaiting);
  asm.mov(RBX, RAX);
  asm.mov(dword(MAILBOX_DONE), 1);
  asm.call(apic.eoi);
  asm.call(RBX);
  asm.call(decrement);
  asm.jmp(restore);

  asm.bind(decrement);
  asm.lock.dec(dword(MAILBOX_ACTIVE));
  asm.ret();
  return entry;
}
