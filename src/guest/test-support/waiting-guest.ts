/**
 * A small multiboot kernel that does nothing but wait, in the ways in which kernels wait: for the TSC, for a flag in
 * memory until a time-out, for the local APIC's timer, with and without PAUSE, and for an IPI while halted. It comes up
 * as the boot guest does and stays in xAPIC mode. The timer's handler mixes the registers that it interrupts into
 * SEEN, so that no pass of a loop goes unseen.
 */
import { Code, Instruction, MemoryOperand, Register } from 'iced-x86';
import {
  APIC_DIVIDE,
  APIC_EOI,
  APIC_ICR,
  APIC_ICR_HIGH,
  APIC_INITIAL_COUNT,
  APIC_LVT_TIMER,
  APIC_SVR,
  SVR_SOFTWARE_ENABLE,
} from '../../hardware/apic/registers.js';
import { Assembler, type Label } from '../assembler.js';
import { interruptDescriptors } from '../boot-image.js';
import { LOCAL_APIC } from '../memory-map.js';
import { dword, EAX, ECX, EDX, qword, R12, R14, RAX, RCX, RDX, RSP } from '../operand.js';
import { readTsc } from '../programs/measurement.js';
import { BOOT_GUEST_BASE, BOOT_GUEST_ENTRY, BOOT_GUEST_MEMORY, bootGuestCode, CPUS_ONLINE } from './boot-guest.js';
import { elf } from './elf-image.js';

const CODE = 0x20_0000;
const DATA = 0x21_0000;
const DATA_SIZE = 0x1_0000;
const TABLE_REGISTER = DATA + 0x1000;
const EXPIRED = DATA + 0x2000;
const SEEN = DATA + 0x2008;
const ANSWERED = DATA + 0x3000;
const STACK = DATA + 0x8000;
const TARGET_STACK = DATA + DATA_SIZE;
const TIMER_VECTOR = 0x40;
const IPI_VECTOR = 0x50;

/** Software enabled, spurious vector FFH. */
const SVR_ENABLED = SVR_SOFTWARE_ENABLE | 0xff;
const DIVIDE_BY_1 = 0b1011;
const EXIT_PORT = 0xf4;

const DELAY = 60_000;
const TIMER = 21_000;
const TIME_OUT = 400_000;

/** The kernel as an ELF32 file; it waits `rounds` times in each way. */
export function waitingGuest(rounds: number): Uint8Array<ArrayBuffer> {
  const asm = new Assembler(CODE);
  const timer = emitTimerHandler(asm);
  const ipi = emitIpiHandler(asm);
  const first = emitFirst(asm, rounds);
  const others = emitOthers(asm);
  const { bytes, addressOf } = asm.assemble();
  const { bytes: table } = interruptDescriptors([
    { vector: TIMER_VECTOR, address: addressOf(timer), dpl: 0 },
    { vector: IPI_VECTOR, address: addressOf(ipi), dpl: 0 },
  ]);
  const data = new Uint8Array(TABLE_REGISTER + 10 - DATA);
  data.set(table);
  new DataView(data.buffer).setUint16(TABLE_REGISTER - DATA, table.length - 1, true);
  new DataView(data.buffer).setUint32(TABLE_REGISTER - DATA + 2, DATA, true);
  const boot = bootGuestCode({ first: addressOf(first), others: addressOf(others) });
  return elf({
    bits: 32,
    entry: BOOT_GUEST_ENTRY,
    segments: [
      { physical: BOOT_GUEST_BASE, bytes: boot, memorySize: BOOT_GUEST_MEMORY },
      { physical: CODE, bytes },
      { physical: DATA, bytes: data, memorySize: DATA_SIZE },
    ],
  });
}

function emitFirst(asm: Assembler, rounds: number): Label {
  const entry = asm.here('first');
  asm.mov(RSP, STACK);
  emitEnableInterrupts(asm);
  emitApicWrite(asm, APIC_DIVIDE, DIVIDE_BY_1);
  emitApicWrite(asm, APIC_LVT_TIMER, TIMER_VECTOR);
  asm.mov(R14, rounds);
  const again = asm.here('again');
  emitDelay(asm, true);
  emitApicWrite(asm, APIC_INITIAL_COUNT, TIMER);
  emitDelay(asm, false);
  emitTimerWait(asm);
  emitIpi(asm);
  asm.dec(R14);
  asm.jcc('ne', again);
  asm.xor(EAX, EAX);
  asm.out(EXIT_PORT);
  const stop = asm.here('stop');
  asm.plain(Code.Hlt);
  asm.jmp(stop);
  return entry;
}

function emitOthers(asm: Assembler): Label {
  const entry = asm.here('others');
  asm.mov(RSP, TARGET_STACK);
  emitEnableInterrupts(asm);
  asm.lock.inc(dword(CPUS_ONLINE));
  const idle = asm.here('idle');
  asm.plain(Code.Hlt);
  asm.jmp(idle);
  return entry;
}

function emitEnableInterrupts(asm: Assembler): void {
  asm.emit(() => {
    const table = new MemoryOperand(Register.None, Register.None, 1, BigInt(TABLE_REGISTER), 4, false, Register.None);
    return Instruction.createMem(Code.Lidt_m1664, table);
  });
  emitApicWrite(asm, APIC_SVR, SVR_ENABLED);
  asm.plain(Code.Sti);
}

/** Until DELAY cycles have passed. */
function emitDelay(asm: Assembler, pauses: boolean): void {
  readTsc(asm, R12);
  const wait = asm.here('delay');
  if (pauses) asm.plain(Code.Pause);
  readTsc(asm, RAX);
  asm.sub(RAX, R12);
  asm.cmp(RAX, DELAY);
  asm.jcc('b', wait);
}

/** Until the timer has gone off, which may have happened. */
function emitTimerWait(asm: Assembler): void {
  const wait = asm.here('timer');
  asm.mov(EAX, dword(EXPIRED));
  asm.test(EAX, EAX);
  asm.jcc('e', wait);
  asm.mov(dword(EXPIRED), 0);
  emitApicWrite(asm, APIC_INITIAL_COUNT, TIMER);
  const again = asm.here('timer_again');
  asm.plain(Code.Pause);
  asm.cmp(dword(EXPIRED), 0);
  asm.jcc('e', again);
  asm.mov(dword(EXPIRED), 0);
}

/** Until CPU 1 has answered, or a time-out. */
function emitIpi(asm: Assembler): void {
  const done = asm.label('answered');
  asm.mov(dword(ANSWERED), 0);
  readTsc(asm, R12);
  emitApicWrite(asm, APIC_ICR_HIGH, 1 << 24);
  emitApicWrite(asm, APIC_ICR, 0x4000 | IPI_VECTOR);
  const wait = asm.here('answer');
  asm.plain(Code.Pause);
  asm.plain(Code.Rdtsc);
  asm.shl(RDX, 32);
  asm.mov(EAX, EAX);
  asm.or(RDX, RAX);
  asm.sub(RDX, R12);
  asm.cmp(RDX, TIME_OUT);
  asm.jcc('a', done);
  asm.mov(EAX, dword(ANSWERED));
  asm.test(EAX, EAX);
  asm.jcc('e', wait);
  asm.bind(done);
}

function emitTimerHandler(asm: Assembler): Label {
  const entry = asm.here('timer_handler');
  for (const register of [RAX, RCX, RDX]) asm.push(register);
  asm.mov(RCX, qword(SEEN));
  asm.add(RCX, RCX);
  // Registers, RIP and RFLAGS of what is interrupted.
  for (const seen of [RAX, RDX, qword(RSP, 24), qword(RSP, 40)]) asm.add(RCX, seen);
  asm.mov(qword(SEEN), RCX);
  asm.mov(dword(EXPIRED), 1);
  emitEndOfInterrupt(asm);
  return entry;
}

function emitIpiHandler(asm: Assembler): Label {
  const entry = asm.here('ipi_handler');
  for (const register of [RAX, RCX, RDX]) asm.push(register);
  asm.mov(dword(ANSWERED), 1);
  emitEndOfInterrupt(asm);
  return entry;
}

function emitEndOfInterrupt(asm: Assembler): void {
  emitApicWrite(asm, APIC_EOI, 0);
  for (const register of [RDX, RCX, RAX]) asm.pop(register);
  asm.plain(Code.Iretq);
}

function emitApicWrite(asm: Assembler, offset: number, value: number): void {
  asm.mov(ECX, LOCAL_APIC);
  asm.mov(EDX, value);
  asm.mov(dword(RCX, offset), EDX);
}
