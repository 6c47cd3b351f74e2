/**
 * MOV to and from control and debug registers, CLTS, LMSW, SMSW (SDM vol. 2; vol. 3, 2.5).
 *
 * Process-context identifiers are kept and checked. A MOV to CR3 may forget more translations than it has to, and here it
 * forgets all, whatever bit 63 of the source says.
 *
 * Left out: protected and real mode's view of them beyond storage, CR4 bits of features that are not
 * modelled (LA57, PKE, CET ...), which are reserved.
 */
import { Mnemonic, Register } from 'iced-x86';
import { EXIT_REASON_CR_ACCESS, EXIT_REASON_DR_ACCESS } from '../../vmx/exit-reason.js';
import { CR0_FIXED0, CR4_FIXED0 } from '../../vmx/capability.js';
import { guestPhysical } from '../../memory/walk.js';
import * as B from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import { detectAccess } from '../debug/debug-exceptions.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { generalProtection, invalidOpcode } from '../fault.js';
import { ACCESS_READ, ACCESS_WRITE, CPU_CR4_PGE_TOGGLES, CPU_RDTSC_SLOW, MAXPHYADDR } from '../layout.js';
import { ACCESS_L, in64BitMode, inLongMode, updateMode } from '../mode.js';
import { DONE, PASS, WAIT, type Outcome } from '../outcome.js';
import { isValidPdpte, POINTERS } from '../page-directory-pointers.js';
import { SEGMENT_CS, SEGMENT_TR } from '../segments.js';
import { chargeSystem, intercept, isPrevented, privileged, type HandlerTable } from './handler.js';
import {
  gprBits,
  gprNumber,
  readWord,
  registerOperand,
  wholeRegister,
  word,
  writeRegister,
  writeWord,
  memoryOperand,
} from './operands.js';

const TYPE_TO = 0;
const TYPE_FROM = 1 << 4;
const TYPE_CLTS = 2 << 4;
const TYPE_LMSW = 3 << 4;
const LMSW_MEMORY = 1 << 6;
/** Address of the page-directory-pointer table in CR3. */
const PDPT_ADDRESS = 0xffff_ffe0;
/** Bit of a descriptor type that tells a 32-bit TSS from a 16-bit one. */
const TYPE_32_BIT_TSS = 1 << 3;
const DR_FROM = 1 << 4;
/** With PCIDs, the bit of a source for CR3 that asks for translations to be kept. */
const CR3_KEEPS_TRANSLATIONS = 1n << 63n;
const PCID_MASK = 0xfff;

const CR0_BITS =
  B.CR0_PE |
  B.CR0_MP |
  B.CR0_EM |
  B.CR0_TS |
  B.CR0_ET |
  B.CR0_NE |
  B.CR0_WP |
  B.CR0_AM |
  B.CR0_NW |
  B.CR0_CD |
  B.CR0_PG;
/** VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT UMIP VMXE FSGSBASE PCIDE OSXSAVE SMEP SMAP UINTR. */
const CR4_BITS =
  0x7ff |
  B.CR4_UMIP |
  B.CR4_VMXE |
  B.CR4_FSGSBASE |
  B.CR4_PCIDE |
  B.CR4_OSXSAVE |
  B.CR4_SMEP |
  B.CR4_SMAP |
  B.CR4_UINTR;
/** A change of these makes translations stale. */
const CR0_FLUSHING = B.CR0_PG | B.CR0_WP | B.CR0_PE;
const CR4_FLUSHING = B.CR4_PAE | B.CR4_PGE | B.CR4_PSE | B.CR4_PCIDE | B.CR4_SMEP | B.CR4_SMAP;
const CR4_LOADING_PDPTES = B.CR4_PAE | B.CR4_PGE | B.CR4_PSE;
/** A change of these, too, loads the pointers of PAE paging. */
const CR0_LOADING_PDPTES = B.CR0_PG | B.CR0_CD | B.CR0_NW;
const MACHINE_STATUS = B.CR0_PE | B.CR0_MP | B.CR0_EM | B.CR0_TS;
const APIC_TPR = 0x80;

/** MOV with a control register on either side. */
export function moveControlRegister(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  if (cpu.cpl !== 0) return generalProtection(cpu);
  const to = registerOperand(instruction, 0);
  const writes = to >= Register.CR0 && to <= Register.CR15;
  const cr = (writes ? to : registerOperand(instruction, 1)) - Register.CR0;
  const gpr = gprNumber(registerOperand(instruction, writes ? 1 : 0));
  if (cr === 1 || (cr > 4 && cr !== 8)) return invalidOpcode(cpu);
  if (cr !== 2) {
    const qualification = cr | (writes ? TYPE_TO : TYPE_FROM) | (gpr << 8);
    const outcome = intercept(cpu, EXIT_REASON_CR_ACCESS, qualification, instruction.length);
    if (outcome !== PASS) return outcome;
  }
  if (cr === 8) return writes ? writeCr8(cpu, gpr, instruction.length) : readCr8(cpu, gpr);
  return writes ? writeControlRegister(cpu, cr, wholeRegister(cpu, gpr)) : readControlRegister(cpu, cr, gpr);
}

function readControlRegister(cpu: Cpu, cr: number, gpr: number): Outcome {
  chargeSystem(cpu);
  if (cr === 2) cpu.setGprNumber(gpr, cpu.cr2);
  else if (cr === 3) cpu.setGprNumber(gpr, cpu.cr3);
  else cpu.setGpr(gpr, visibleControlRegister(cpu, cr === 0 ? 0 : 4));
  return DONE;
}

/** CR0 or CR4 as software sees it: through the read shadow in VMX non-root operation. */
function visibleControlRegister(cpu: Cpu, cr: 0 | 4): bigint {
  const actual = BigInt((cr === 0 ? cpu.cr0 : cpu.cr4) >>> 0);
  return cpu.nonRoot === null ? actual : cpu.nonRoot.shadowedCr(cr, actual);
}

function writeControlRegister(cpu: Cpu, cr: number, value: bigint): Outcome {
  if (cr === 0) return writeCr0(cpu, value);
  if (cr === 3) return writeCr3(cpu, value);
  if (cr === 4) return writeCr4(cpu, value);
  chargeSystem(cpu);
  cpu.cr2 = Number(BigInt.asIntN(64, value));
  return DONE;
}

/** The value that reaches CR0 or CR4, or null if it does not fit in 32 bits. */
function merged(cpu: Cpu, cr: 0 | 4, written: bigint): number | null {
  if (written >> 32n !== 0n) return null;
  const actual = BigInt((cr === 0 ? cpu.cr0 : cpu.cr4) >>> 0);
  return Number(cpu.nonRoot === null ? written : cpu.nonRoot.mergedCr(cr, actual, written));
}

/** MOV to CR0 after interception. */
export function writeCr0(cpu: Cpu, written: bigint): Outcome {
  const value = merged(cpu, 0, written);
  if (value === null || !isValidCr0(cpu, value)) return generalProtection(cpu);
  chargeSystem(cpu);
  const changed = value ^ cpu.cr0;
  const reloads = (changed & CR0_LOADING_PDPTES) !== 0 && usesPaePaging(cpu, value, cpu.cr4);
  const outcome = reloads ? loadPdptes(cpu, cpu.cr3) : DONE;
  if (outcome !== DONE) return outcome;
  cpu.cr0 = ((value & CR0_BITS) | B.CR0_ET) >>> 0;
  if ((changed & B.CR0_PG) !== 0) switchLongMode(cpu);
  if ((changed & CR0_FLUSHING) !== 0) cpu.flushTlbs();
  if ((changed & B.CR0_PE) !== 0) updateMode(cpu);
  return DONE;
}

/** VMX operation fixes bits of CR0 and CR4; in non-root operation the VMCS says more about them. */
function inVmxRootOperation(cpu: Cpu): boolean {
  return cpu.nonRoot === null && cpu.vmx.inVmxOperation;
}

function isValidCr0(cpu: Cpu, value: number): boolean {
  const paging = (value & B.CR0_PG) !== 0;
  if (paging && (value & B.CR0_PE) === 0) return false;
  if ((value & B.CR0_NW) !== 0 && (value & B.CR0_CD) === 0) return false;
  if (!paging && (in64BitMode(cpu) || (cpu.cr4 & B.CR4_PCIDE) !== 0)) return false;
  if (inVmxRootOperation(cpu) && (~value & CR0_FIXED0) !== 0) return false;
  const enters = paging && (cpu.cr0 & B.CR0_PG) === 0 && (cpu.eferLow & B.EFER_LME) !== 0;
  return !enters || canEnterLongMode(cpu);
}

/** IA-32e mode needs PAE, and neither a 64-bit code segment nor a 16-bit TSS (SDM vol. 3, 10.8.5). */
function canEnterLongMode(cpu: Cpu): boolean {
  if ((cpu.cr4 & B.CR4_PAE) === 0 || (cpu.segments[SEGMENT_CS].access & ACCESS_L) !== 0) return false;
  return (cpu.segments[SEGMENT_TR].access & TYPE_32_BIT_TSS) !== 0;
}

/** IA32_EFER.LMA follows CR0.PG while LME is set. */
function switchLongMode(cpu: Cpu): void {
  if ((cpu.eferLow & B.EFER_LME) === 0) return;
  cpu.eferLow = (cpu.cr0 & B.CR0_PG) !== 0 ? cpu.eferLow | B.EFER_LMA : cpu.eferLow & ~B.EFER_LMA;
  updateMode(cpu);
}

function usesPaePaging(cpu: Cpu, cr0: number, cr4: number): boolean {
  return (cr0 & B.CR0_PG) !== 0 && (cr4 & B.CR4_PAE) !== 0 && (cpu.eferLow & B.EFER_LME) === 0;
}

/**
 * Loads the four entries at CR3's address. #GP(0), and none is loaded, if one has reserved bits set (SDM vol. 3, 5.4.1).
 */
function loadPdptes(cpu: Cpu, cr3: number): Outcome {
  const table = guestPhysical(cpu, (cr3 & PDPT_ADDRESS) >>> 0, 0);
  if (table < 0) return -table as Outcome;
  if (!cpu.lines.collect(cpu, table, false)) return WAIT;
  for (let index = 0; index < POINTERS; index++) {
    const entry = table + 8 * index;
    if (!isValidPdpte(cpu.memory.read32(entry), cpu.memory.read32(entry + 4))) return generalProtection(cpu);
  }
  for (let index = 0; index < POINTERS; index++) {
    cpu.pdptes.set(index, cpu.memory.read32(table + 8 * index), cpu.memory.read32(table + 8 * index + 4));
  }
  return DONE;
}

function writeCr3(cpu: Cpu, written: bigint): Outcome {
  const value = (cpu.cr4 & B.CR4_PCIDE) === 0 ? written : written & ~CR3_KEEPS_TRANSLATIONS;
  if (value >> BigInt(MAXPHYADDR) !== 0n) return generalProtection(cpu);
  chargeSystem(cpu);
  const outcome = usesPaePaging(cpu, cpu.cr0, cpu.cr4) ? loadPdptes(cpu, Number(value)) : DONE;
  if (outcome !== DONE) return outcome;
  cpu.cr3 = Number(value);
  cpu.flushTlbs();
  return DONE;
}

function writeCr4(cpu: Cpu, written: bigint): Outcome {
  const value = merged(cpu, 4, written);
  if (value === null || (value & ~allowedCr4(cpu)) !== 0) return generalProtection(cpu);
  if (inLongMode(cpu) && (value & B.CR4_PAE) === 0) return generalProtection(cpu);
  if ((value & ~cpu.cr4 & B.CR4_PCIDE) !== 0 && !mayEnablePcids(cpu)) return generalProtection(cpu);
  if (inVmxRootOperation(cpu) && (~value & CR4_FIXED0) !== 0) return generalProtection(cpu);
  chargeSystem(cpu);
  const changed = value ^ cpu.cr4;
  const reloads = usesPaePaging(cpu, cpu.cr0, value) && (changed & CR4_LOADING_PDPTES) !== 0;
  const outcome = reloads ? loadPdptes(cpu, cpu.cr3) : DONE;
  if (outcome !== DONE) return outcome;
  cpu.cr4 = value >>> 0;
  if ((changed & CR4_FLUSHING) !== 0) cpu.flushTlbs();
  // The same once more is the interpreter's, until a VM exit or another change (src/interpreter/control-registers.ts).
  if (changed === B.CR4_PGE) cpu.setWord(CPU_CR4_PGE_TOGGLES, Number(written) | B.CR4_PGE);
  if ((changed & B.CR4_TSD) !== 0) trapTsc(cpu);
  cpu.attention = true;
  return DONE;
}

/** Outside IA-32e mode, and with a PCID other than 0 in CR3, PCIDs cannot be enabled (SDM vol. 3, 5.10.1). */
function mayEnablePcids(cpu: Cpu): boolean {
  return inLongMode(cpu) && cpu.cr3 % (PCID_MASK + 1) === 0;
}

function allowedCr4(cpu: Cpu): number {
  const vmx = cpu.features.vmx ? 0 : B.CR4_VMXE;
  const uintr = cpu.features.uintr ? 0 : B.CR4_UINTR;
  return CR4_BITS & ~vmx & ~uintr;
}

/** With TSD the host checks every RDTSC. RDTSC exiting has set the same word for itself. */
function trapTsc(cpu: Cpu): void {
  if ((cpu.cr4 & B.CR4_TSD) !== 0) cpu.setWord(CPU_RDTSC_SLOW, 1);
  else if (cpu.nonRoot === null) cpu.setWord(CPU_RDTSC_SLOW, 0);
}

function readCr8(cpu: Cpu, gpr: number): Outcome {
  chargeSystem(cpu);
  const virtual = cpu.nonRoot === null ? -1 : cpu.nonRoot.readCr8();
  cpu.setGprWords(gpr, 0, virtual >= 0 ? virtual : cpu.apic.readRegister(APIC_TPR) >>> 4);
  return DONE;
}

function writeCr8(cpu: Cpu, gpr: number, length: number): Outcome {
  const value = cpu.gprLow(gpr);
  if (cpu.gprHigh(gpr) !== 0 || value > 15) return generalProtection(cpu);
  chargeSystem(cpu);
  if (cpu.nonRoot !== null) {
    const outcome = cpu.nonRoot.writeCr8(value, length);
    if (outcome !== PASS) return outcome;
  }
  if (cpu.clock.mustWait(cpu)) return WAIT;
  cpu.apic.writeRegister(APIC_TPR, value << 4);
  cpu.attention = true;
  return DONE;
}

function clts(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const outcome = intercept(cpu, EXIT_REASON_CR_ACCESS, TYPE_CLTS, instruction.length);
  if (outcome !== PASS) return outcome;
  chargeSystem(cpu);
  const cleared = visibleControlRegister(cpu, 0) & ~BigInt(B.CR0_TS);
  cpu.cr0 = (merged(cpu, 0, cleared) as number) >>> 0;
  return DONE;
}

/** LMSW changes PE, MP, EM and TS, and cannot clear PE. */
function lmsw(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const read = readWord(cpu, instruction, 0, ACCESS_READ);
  if (read !== DONE) return read;
  const source = word.value;
  const form = memoryOperand(instruction, 0) === null ? 0 : LMSW_MEMORY;
  // Source data in bits 31:16; an unsigned number.
  const qualification = source * 0x1_0000 + (TYPE_LMSW | form);
  const outcome = intercept(cpu, EXIT_REASON_CR_ACCESS, qualification, instruction.length);
  if (outcome !== PASS) return outcome;
  const current = Number(visibleControlRegister(cpu, 0));
  const value = (current & ~(MACHINE_STATUS & ~B.CR0_PE)) | (source & MACHINE_STATUS);
  return writeCr0(cpu, BigInt(value >>> 0));
}

function smsw(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  if (isPrevented(cpu)) return generalProtection(cpu);
  chargeSystem(cpu);
  const value = Number(visibleControlRegister(cpu, 0));
  const register = registerOperand(instruction, 0);
  if (register === Register.None || gprBits(register) === 16) {
    return writeWord(cpu, instruction, 0, value & 0xffff, ACCESS_WRITE);
  }
  writeRegister(cpu, register, 0, value);
  return DONE;
}

/**
 * MOV with a debug register on either side. A VM exit comes before the faults that CPL and CR4.DE cause (SDM vol. 3,
 * 26.1.3).
 */
export function moveDebugRegister(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const to = registerOperand(instruction, 0);
  const writes = to >= Register.DR0 && to <= Register.DR15;
  const named = (writes ? to : registerOperand(instruction, 1)) - Register.DR0;
  const gpr = gprNumber(registerOperand(instruction, writes ? 1 : 0));
  if (named > 7) return invalidOpcode(cpu);
  const qualification = named | (writes ? 0 : DR_FROM) | (gpr << 8);
  const outcome = intercept(cpu, EXIT_REASON_DR_ACCESS, qualification, instruction.length);
  if (outcome !== PASS) return outcome;
  const aliased = named === 4 || named === 5;
  if (aliased && (cpu.cr4 & B.CR4_DE) !== 0) return invalidOpcode(cpu);
  if (cpu.cpl !== 0) return generalProtection(cpu);
  if (cpu.dr.detectsAccess) return detectAccess(cpu);
  const dr = aliased ? named + 2 : named;
  chargeSystem(cpu);
  if (writes) return writeDebugRegister(cpu, dr, wholeRegister(cpu, gpr));
  cpu.setGpr(gpr, cpu.dr.read(dr));
  return DONE;
}

function writeDebugRegister(cpu: Cpu, dr: number, value: bigint): Outcome {
  if (dr >= 6 && value >> 32n !== 0n) return generalProtection(cpu);
  cpu.dr.write(dr, value);
  return DONE;
}

export const CONTROL_REGISTER_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.Clts, privileged(clts)],
  [Mnemonic.Lmsw, privileged(lmsw)],
  [Mnemonic.Smsw, smsw],
];
