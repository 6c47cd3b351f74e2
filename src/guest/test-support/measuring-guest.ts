/**
 * A small multiboot kernel that measures as vmexit of kvm-unit-tests does. It comes up as the boot guest does, then prints
 * `vmcall CYCLES` and, where there is a second CPU, `ipi CYCLES` and `  ipi ipi CYCLES`: averages over a given number of
 * iterations. CPU 1 is idle with HLT. The local APICs are in x2APIC mode where CPUID offers it.
 */
import { Code, Instruction, MemoryOperand, Register } from 'iced-x86';
import {
  APIC_EOI,
  APIC_ICR,
  APIC_ICR_HIGH,
  APIC_SVR,
  SVR_SOFTWARE_ENABLE,
  X2APIC_MSR_ICR,
} from '../../hardware/apic/registers.js';
import { Assembler, type Label } from '../assembler.js';
import { LOCAL_APIC } from '../memory-map.js';
import { dword, EAX, EBP, EBX, ECX, EDX, ESI, R12, R13, R14, R15, RAX, RCX, RDX, RSP } from '../operand.js';
import { readTsc } from '../programs/measurement.js';
import { BOOT_GUEST_BASE, BOOT_GUEST_ENTRY, BOOT_GUEST_MEMORY, bootGuestCode, CPUS_ONLINE } from './boot-guest.js';
import { elf } from './elf-image.js';

const CODE = 0x20_0000;
const DATA = 0x21_0000;
const DATA_SIZE = 0x1_0000;
const GATE_SIZE = 16;
const TABLE_SIZE = 256 * GATE_SIZE;
const TABLE_REGISTER = DATA + TABLE_SIZE;
const TEXTS = TABLE_REGISTER + 16;
const TEXT_SIZE = 16;
const DONE_FLAG = DATA + 0x2000;
const STACK = DATA + 0x8000;
const TARGET_STACK = DATA + DATA_SIZE;
const CODE_SELECTOR = 8;
const INTERRUPT_GATE = 0x8e00;
const VECTOR = 0x40;
const TARGET = 1;

const X2APIC_EOI = 0x80b;
const FIXED_ASSERTED = 0x4000 | VECTOR;
/** Software enabled, spurious vector FFH. */
const SVR_ENABLED = SVR_SOFTWARE_ENABLE | 0xff;
const MSR_IA32_APICBASE = 0x1b;
const X2APIC_ENABLE = 1 << 10;
const CPUID_1_ECX_X2APIC = 1 << 21;

const SERIAL_DATA = 0x3f8;
const SERIAL_STATUS = 0x3fd;
const TRANSMITTER_EMPTY = 0x20;
const EXIT_PORT = 0xf4;
const TEXT = ['vmcall ', 'ipi ', '  ipi ipi ', '\r\n'] as const;

/** The kernel as an ELF32 file. `unannounced` VMCALLs come before those that are measured. */
export function measuringGuest(iterations: number, unannounced = 0): Uint8Array<ArrayBuffer> {
  const { code, first, others, interrupt } = new Kernel(iterations, unannounced);
  const boot = bootGuestCode({ first, others });
  return elf({
    bits: 32,
    entry: BOOT_GUEST_ENTRY,
    segments: [
      { physical: BOOT_GUEST_BASE, bytes: boot, memorySize: BOOT_GUEST_MEMORY },
      { physical: CODE, bytes: code },
      { physical: DATA, bytes: dataOf(interrupt), memorySize: DATA_SIZE },
    ],
  });
}

/** Interrupt-descriptor table with one gate, what LIDT takes, and the texts. */
function dataOf(interrupt: number): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.alloc(TEXTS - DATA + TEXT.length * TEXT_SIZE);
  const gate = VECTOR * GATE_SIZE;
  bytes.writeUInt16LE(interrupt & 0xffff, gate);
  bytes.writeUInt16LE(CODE_SELECTOR, gate + 2);
  bytes.writeUInt16LE(INTERRUPT_GATE, gate + 4);
  bytes.writeUInt16LE(interrupt >>> 16, gate + 6);
  bytes.writeUInt16LE(TABLE_SIZE - 1, TABLE_REGISTER - DATA);
  bytes.writeUInt32LE(DATA, TABLE_REGISTER - DATA + 2);
  TEXT.forEach((text, index) => bytes.write(text, TEXTS - DATA + index * TEXT_SIZE, 'latin1'));
  return Uint8Array.from(bytes);
}

/**
 * The 64-bit code. EBP is not zero in x2APIC mode; R12 holds the time of the beginning, R13 that of an operation, R14 the
 * sum of the operations, R15 the iterations that are left.
 */
class Kernel {
  readonly code: Uint8Array;
  readonly first: number;
  readonly others: number;
  readonly interrupt: number;
  readonly #asm = new Assembler(CODE);
  readonly #print: Label;
  readonly #printNumber: Label;

  constructor(iterations: number, unannounced: number) {
    const put = this.#emitPut();
    this.#print = this.#emitPrint(put);
    this.#printNumber = this.#emitPrintNumber(put);
    const first = this.#emitFirst(iterations, unannounced);
    const others = this.#emitOthers();
    const interrupt = this.#emitInterrupt();
    const { bytes, addressOf } = this.#asm.assemble();
    this.code = bytes;
    this.first = addressOf(first);
    this.others = addressOf(others);
    this.interrupt = addressOf(interrupt);
  }

  #emitFirst(iterations: number, unannounced: number): Label {
    const asm = this.#asm;
    const end = asm.label('end');
    const entry = asm.here('first');
    asm.mov(RSP, STACK);
    this.#emitEnableApic();
    for (let call = 0; call < unannounced; call++) this.#emitVmcall();
    this.#emitMeasurement('vmcall ', iterations, () => {
      this.#emitVmcall();
    });
    asm.cmp(dword(CPUS_ONLINE), 0);
    asm.jcc('e', end);
    this.#emitMeasurement('ipi ', iterations, () => {
      this.#emitIpi();
    });
    this.#emitLine('  ipi ipi ', iterations, R14);
    asm.bind(end);
    asm.xor(EAX, EAX);
    asm.out(EXIT_PORT);
    const stop = asm.here('stop');
    asm.plain(Code.Hlt);
    asm.jmp(stop);
    return entry;
  }

  #emitOthers(): Label {
    const asm = this.#asm;
    const entry = asm.here('others');
    asm.mov(RSP, TARGET_STACK);
    this.#emitEnableApic();
    asm.emit(() => Instruction.createMem(Code.Lidt_m1664, memory(Register.None, TABLE_REGISTER)));
    asm.lock.inc(dword(CPUS_ONLINE));
    asm.plain(Code.Sti);
    const idle = asm.here('idle');
    asm.plain(Code.Hlt);
    asm.jmp(idle);
    return entry;
  }

  #emitInterrupt(): Label {
    const asm = this.#asm;
    const entry = asm.here('interrupt');
    for (const register of [RAX, RCX, RDX]) asm.push(register);
    asm.mov(dword(DONE_FLAG), 1);
    this.#emitApicWrite(
      () => {
        asm.mov(dword(RAX, APIC_EOI), 0);
      },
      () => {
        this.#emitMsr(X2APIC_EOI, 0, 0);
      },
    );
    for (const register of [RDX, RCX, RAX]) asm.pop(register);
    asm.plain(Code.Iretq);
    return entry;
  }

  #emitEnableApic(): void {
    const asm = this.#asm;
    const done = asm.label('enabled');
    asm.mov(EAX, LOCAL_APIC);
    asm.mov(dword(RAX, APIC_SVR), SVR_ENABLED);
    asm.mov(EAX, 1);
    asm.plain(Code.Cpuid);
    asm.mov(EBP, ECX);
    asm.and(EBP, CPUID_1_ECX_X2APIC);
    asm.jcc('e', done);
    asm.mov(ECX, MSR_IA32_APICBASE);
    asm.plain(Code.Rdmsr);
    asm.or(EAX, X2APIC_ENABLE);
    asm.plain(Code.Wrmsr);
    asm.bind(done);
  }

  #emitVmcall(): void {
    this.#asm.xor(EAX, EAX);
    this.#asm.plain(Code.Vmcall);
  }

  #emitIpi(): void {
    const asm = this.#asm;
    readTsc(asm, R13);
    asm.mov(dword(DONE_FLAG), 0);
    this.#emitApicWrite(
      () => {
        asm.mov(dword(RAX, APIC_ICR_HIGH), TARGET << 24);
        asm.mov(dword(RAX, APIC_ICR), FIXED_ASSERTED);
      },
      () => {
        asm.plain(Code.Mfence);
        this.#emitMsr(X2APIC_MSR_ICR, FIXED_ASSERTED, TARGET);
      },
    );
    const wait = asm.here('wait');
    asm.cmp(dword(DONE_FLAG), 0);
    asm.jcc('e', wait);
    readTsc(asm, RAX);
    asm.sub(RAX, R13);
    asm.add(R14, RAX);
  }

  #emitApicWrite(memoryMapped: () => void, msr: () => void): void {
    const asm = this.#asm;
    const inX2apic = asm.label('x2apic');
    const done = asm.label('written');
    asm.test(EBP, EBP);
    asm.jcc('ne', inX2apic);
    asm.mov(EAX, LOCAL_APIC);
    memoryMapped();
    asm.jmp(done);
    asm.bind(inX2apic);
    msr();
    asm.bind(done);
  }

  #emitMsr(msr: number, low: number, high: number): void {
    this.#asm.mov(ECX, msr);
    this.#asm.mov(EAX, low);
    this.#asm.mov(EDX, high);
    this.#asm.plain(Code.Wrmsr);
  }

  #emitMeasurement(text: (typeof TEXT)[number], iterations: number, operation: () => void): void {
    const asm = this.#asm;
    asm.xor(R14, R14);
    asm.mov(R15, iterations);
    readTsc(asm, R12);
    const again = asm.here('again');
    operation();
    asm.dec(R15);
    asm.jcc('ne', again);
    readTsc(asm, RAX);
    asm.sub(RAX, R12);
    asm.mov(R12, RAX);
    this.#emitLine(text, iterations, R12);
  }

  /** The quotient of `sum` and the iterations. */
  #emitLine(text: (typeof TEXT)[number], iterations: number, sum: typeof R12): void {
    const asm = this.#asm;
    this.#emitText(text);
    asm.mov(RAX, sum);
    asm.mov(EBX, iterations);
    this.#emitDivide();
    asm.call(this.#printNumber);
    this.#emitText('\r\n');
  }

  #emitText(text: (typeof TEXT)[number]): void {
    this.#asm.mov(ESI, TEXTS + TEXT.indexOf(text) * TEXT_SIZE);
    this.#asm.call(this.#print);
  }

  /** RAX by RBX, remainder to RDX. */
  #emitDivide(): void {
    this.#asm.xor(EDX, EDX);
    this.#asm.emit(() => Instruction.createReg(Code.Div_rm64, Register.RBX));
  }

  /** put(ECX) */
  #emitPut(): Label {
    const asm = this.#asm;
    const entry = asm.here('put');
    asm.mov(EDX, SERIAL_STATUS);
    const busy = asm.here('busy');
    asm.emit(() => Instruction.createRegReg(Code.In_AL_DX, Register.AL, Register.DX));
    asm.test(EAX, TRANSMITTER_EMPTY);
    asm.jcc('e', busy);
    asm.mov(EDX, SERIAL_DATA);
    asm.mov(EAX, ECX);
    asm.emit(() => Instruction.createRegReg(Code.Out_DX_AL, Register.DX, Register.AL));
    asm.ret();
    return entry;
  }

  /** print(ESI), up to a zero byte */
  #emitPrint(put: Label): Label {
    const asm = this.#asm;
    const done = asm.label('printed');
    const entry = asm.here('print');
    asm.emit(() => Instruction.createRegMem(Code.Movzx_r32_rm8, Register.ECX, memory(Register.RSI, 0)));
    asm.test(ECX, ECX);
    asm.jcc('e', done);
    asm.call(put);
    asm.inc(ESI);
    asm.jmp(entry);
    asm.bind(done);
    asm.ret();
    return entry;
  }

  /** printNumber(RAX): the digits go to the stack, the last one first. */
  #emitPrintNumber(put: Label): Label {
    const asm = this.#asm;
    const done = asm.label('number_printed');
    const entry = asm.here('print_number');
    asm.mov(EBX, 10);
    asm.push(0);
    const digit = asm.here('digit');
    this.#emitDivide();
    asm.add(EDX, '0'.charCodeAt(0));
    asm.push(RDX);
    asm.test(RAX, RAX);
    asm.jcc('ne', digit);
    const next = asm.here('next_digit');
    asm.pop(RCX);
    asm.test(ECX, ECX);
    asm.jcc('e', done);
    asm.call(put);
    asm.jmp(next);
    asm.bind(done);
    asm.ret();
    return entry;
  }
}

function memory(base: Register, displacement: number): MemoryOperand {
  const size = base === Register.None ? 4 : 0;
  return new MemoryOperand(base, Register.None, 1, BigInt(displacement), size, false, Register.None);
}
