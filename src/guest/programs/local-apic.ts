import { Code } from 'iced-x86';
import type { Assembler, Label } from '../assembler.js';
import { ACCESSOR_WRITE_REGISTER, APIC_ADDRESS, GS_APIC_ACCESSORS } from '../memory-map.js';
import { dword, EAX, ECX, EDI, EDX, ESI, perCpuQword, qword, RAX, RDI, RSP } from '../operand.js';
import type { ProgramOptions } from './program.js';

const APIC_EOI = 0x0b0;
const APIC_SPIV = 0x0f0;
const APIC_ICR = 0x300;
const APIC_ICR2 = 0x310;
const APIC_ICR_BUSY = 1 << 12;
/** APIC software enabled, spurious vector FFH. */
const SPIV_ENABLED = 0x1ff;
const MSR_IA32_APICBASE = 0x1b;
const X2APIC_ENABLE = 1 << 10;
const APIC_BASE_MSR = 0x800;
const X2APIC_SPIV = 0x80f;
const X2APIC_ICR = 0x830;

export interface ApicCode {
  /** writeRegister(EDI offset, ESI value) */
  readonly writeRegister: Label;
  /** writeIcr(EDI low word, ESI destination) */
  readonly writeIcr: Label;
  /** Writes the EOI register through the per-CPU accessor. */
  readonly eoi: Label;
}

/** Enables this CPU's local APIC in the guest's mode. Uses RAX, RCX, RDX. */
export function emitEnableApic(asm: Assembler, apicMode: ProgramOptions['apicMode']): void {
  if (apicMode === 'xapic') {
    asm.mov(RAX, qword(APIC_ADDRESS));
    asm.mov(dword(RAX, APIC_SPIV), SPIV_ENABLED);
    return;
  }
  asm.mov(ECX, MSR_IA32_APICBASE);
  asm.plain(Code.Rdmsr);
  asm.or(EAX, X2APIC_ENABLE);
  asm.plain(Code.Wrmsr);
  emitWriteMsr(asm, X2APIC_SPIV, SPIV_ENABLED);
}

/** WRMSR of a constant. */
export function emitWriteMsr(asm: Assembler, msr: number, low: number, high = 0): void {
  asm.mov(ECX, msr);
  asm.mov(EAX, low);
  asm.mov(EDX, high);
  asm.plain(Code.Wrmsr);
}

/** The accessors of one mode, and the EOI function that goes through the pointer to them. */
export function emitApicCode(asm: Assembler, apicMode: ProgramOptions['apicMode']): ApicCode {
  const accessors = apicMode === 'xapic' ? emitXapicAccessors(asm) : emitX2apicAccessors(asm);
  asm.align(16);
  const eoi = asm.here('apic_eoi');
  asm.plain(Code.Endbr64);
  asm.sub(RSP, 8);
  asm.mov(ESI, 0);
  asm.mov(EDI, APIC_EOI);
  asm.mov(RAX, perCpuQword(GS_APIC_ACCESSORS));
  asm.call(qword(RAX, ACCESSOR_WRITE_REGISTER));
  asm.add(RSP, 8);
  asm.ret();
  return { ...accessors, eoi };
}

function emitXapicAccessors(asm: Assembler): { writeRegister: Label; writeIcr: Label } {
  asm.align(16);
  const writeRegister = asm.here('xapic_write');
  asm.plain(Code.Endbr64);
  asm.mov(EDI, EDI);
  asm.mov(RAX, qword(APIC_ADDRESS));
  asm.add(RDI, RAX);
  asm.mov(dword(RDI), ESI);
  asm.ret();

  asm.align(16);
  const writeIcr = asm.here('xapic_icr_write');
  asm.plain(Code.Endbr64);
  const busy = asm.here('xapic_icr_busy');
  asm.mov(RAX, qword(APIC_ADDRESS));
  asm.mov(EAX, dword(RAX, APIC_ICR));
  asm.test(EAX, APIC_ICR_BUSY);
  asm.jcc('ne', busy);
  asm.shl(ESI, 24);
  asm.mov(RAX, qword(APIC_ADDRESS));
  asm.mov(dword(RAX, APIC_ICR2), ESI);
  asm.mov(RAX, qword(APIC_ADDRESS));
  asm.mov(dword(RAX, APIC_ICR), EDI);
  asm.ret();
  return { writeRegister, writeIcr };
}

function emitX2apicAccessors(asm: Assembler): { writeRegister: Label; writeIcr: Label } {
  asm.align(16);
  const writeRegister = asm.here('x2apic_write');
  asm.plain(Code.Endbr64);
  asm.shr(EDI, 4);
  asm.lea(ECX, dword(RDI, APIC_BASE_MSR));
  asm.mov(EAX, ESI);
  asm.mov(EDX, 0);
  asm.plain(Code.Wrmsr);
  asm.ret();

  asm.align(16);
  const writeIcr = asm.here('x2apic_icr_write');
  asm.plain(Code.Endbr64);
  asm.mov(EAX, EDI);
  asm.mov(EDX, ESI);
  asm.mov(ECX, X2APIC_ICR);
  asm.plain(Code.Mfence);
  asm.plain(Code.Wrmsr);
  asm.ret();
  return { writeRegister, writeIcr };
}
