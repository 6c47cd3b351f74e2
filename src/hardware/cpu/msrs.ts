/**
 * Model-specific registers: their storage, and RDMSR and WRMSR as outside VMX non-root operation (SDM vol. 4).
 *
 * FS and GS bases live in the CPU's state block, EFER in `cpu.eferLow`, the local APIC's registers in the local APIC,
 * user-interrupt state in `cpu.userInterrupts` and the VMX capability MSRs in the VMX unit; the rest is stored here.
 *
 * Left out: performance counters, machine-check banks, debug store, trace; they are #GP as on a processor without.
 */
import { readUserInterruptMsr, writeUserInterruptMsr } from '../vmx/user-interrupts.js';
import { CR0_PG, EFER_LMA, EFER_LME, EFER_NXE, EFER_SCE } from './control-register-bits.js';
import type { Cpu } from './cpu.js';
import { CPU_FS_BASE, CPU_GS_BASE, CPU_TSC_OFFSET } from './layout.js';
import { canonical, highWord, isCanonicalPair } from './linear-access.js';
import { hasExecuteDisable, MISC_ENABLE_AT_RESET, readMiscEnable, writeMiscEnable } from './misc-enable.js';

export const MSR_IA32_TSC = 0x10;
export const MSR_IA32_PLATFORM_ID = 0x17;
export const MSR_IA32_APIC_BASE = 0x1b;
export const MSR_IA32_FEATURE_CONTROL = 0x3a;
export const MSR_IA32_TSC_ADJUST = 0x3b;
export const MSR_IA32_SPEC_CTRL = 0x48;
export const MSR_IA32_PRED_CMD = 0x49;
export const MSR_IA32_BIOS_SIGN_ID = 0x8b;
export const MSR_IA32_MTRRCAP = 0xfe;
export const MSR_IA32_ARCH_CAPABILITIES = 0x10a;
export const MSR_IA32_SYSENTER_CS = 0x174;
export const MSR_IA32_SYSENTER_ESP = 0x175;
export const MSR_IA32_SYSENTER_EIP = 0x176;
export const MSR_IA32_MCG_CAP = 0x179;
export const MSR_IA32_MCG_STATUS = 0x17a;
export const MSR_IA32_PERF_STATUS = 0x198;
export const MSR_IA32_PERF_CTL = 0x199;
export const MSR_IA32_MISC_ENABLE = 0x1a0;
export const MSR_IA32_DEBUGCTL = 0x1d9;
export const MSR_IA32_MTRR_PHYSBASE0 = 0x200;
export const MSR_IA32_MTRR_PHYSMASK7 = 0x20f;
export const MSR_IA32_MTRR_FIX64K_00000 = 0x250;
export const MSR_IA32_MTRR_FIX4K_F8000 = 0x26f;
export const MSR_IA32_PAT = 0x277;
export const MSR_IA32_MTRR_DEF_TYPE = 0x2ff;
export const MSR_IA32_VMX_BASIC = 0x480;
export const MSR_IA32_VMX_LAST = 0x493;
export const MSR_IA32_TSC_DEADLINE = 0x6e0;
export const MSR_X2APIC_FIRST = 0x800;
export const MSR_X2APIC_LAST = 0x8ff;
export const MSR_IA32_UINTR_RR = 0x985;
export const MSR_IA32_UINTR_TT = 0x98a;
export const MSR_EFER = 0xc000_0080;
export const MSR_STAR = 0xc000_0081;
export const MSR_LSTAR = 0xc000_0082;
export const MSR_CSTAR = 0xc000_0083;
export const MSR_FMASK = 0xc000_0084;
export const MSR_FS_BASE = 0xc000_0100;
export const MSR_GS_BASE = 0xc000_0101;
export const MSR_KERNEL_GS_BASE = 0xc000_0102;
export const MSR_TSC_AUX = 0xc000_0103;

/** IA32_FEATURE_CONTROL: locked, VMXON allowed outside SMX. */
const FEATURE_CONTROL_LOCKED_VMX = 5;
/** 8 variable ranges, fixed ranges, write-combining. */
const MTRRCAP = 0x508;
/** MTRRs enabled, write-back by default. */
const MTRR_DEF_TYPE = 0x806;
/** No machine-check banks. */
const MCG_CAP = 0;
/** Bus ratio of P1, 2 GHz, in bits 15:8. */
const PERF_CTL_AT_RESET = 20 << 8;
/** IDA engage, bit 32. */
const PERF_CTL_HIGH_WRITABLE = 1;
/** IBRS, STIBP, SSBD. */
const SPEC_CTRL_WRITABLE = 7;
/** RDCL_NO, IBRS_ALL, SKIP_L1DFL_VMENTRY, MDS_NO, TAA_NO. */
const ARCH_CAPABILITIES = 0x12b;
/** x2APIC mode, reserved without CPUID.1:ECX[21]. */
const APIC_BASE_EXTD = 1 << 10;
const MICROCODE_REVISION = 0x2b00_0000;
const DEBUGCTL_WRITABLE = 0xffff;
const TWO_32 = 2 ** 32;

/** Storage. Canonical addresses are signed numbers, other 64-bit values pairs of 32-bit words. */
export class Msrs {
  starHigh = 0;
  starLow = 0;
  lstar = 0;
  cstar = 0;
  /** IA32_FMASK bits 31:0 (63:32 are reserved). */
  fmask = 0;
  kernelGsBase = 0;
  sysenterCs = 0;
  sysenterEsp = 0;
  sysenterEip = 0;
  tscAux = 0;
  tscAdjust = 0;
  patLow = 0x0007_0406;
  patHigh = 0x0007_0406;
  debugCtl = 0;
  specCtrl = 0;
  miscEnable = MISC_ENABLE_AT_RESET;
  miscEnableHigh = 0;
  /** Stored, without effect. */
  perfCtl = PERF_CTL_AT_RESET;
  perfCtlHigh = 0;
  mcgStatus = 0;
  /** Of the generator behind RDRAND and RDSEED. */
  randomState = 0;
  /** XCR0: x87 and SSE state. */
  xcr0 = 1;
  /** Memory-type range registers, [hi, lo] by MSR: stored, without effect. */
  readonly mtrrs = new Map<number, readonly [hi: number, lo: number]>([[MSR_IA32_MTRR_DEF_TYPE, [0, MTRR_DEF_TYPE]]]);
}

/** The 64-bit value that RDMSR puts into EDX:EAX. */
export interface MsrValue {
  readonly hi: number;
  readonly lo: number;
}

const result = { hi: 0, lo: 0 };

function words(hi: number, lo: number): MsrValue {
  result.hi = hi >>> 0;
  result.lo = lo >>> 0;
  return result;
}

function address(value: number): MsrValue {
  return words(highWord(value), value);
}

/** Value of `msr`, or null if reading it is #GP(0). The object is reused by the next call. */
export function readMsr(cpu: Cpu, msr: number): MsrValue | null {
  if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST) return cpu.apic.readMsr(msr);
  if (msr >= MSR_EFER) return readLongModeMsr(cpu, msr);
  if (msr >= MSR_IA32_UINTR_RR && msr <= MSR_IA32_UINTR_TT) {
    return cpu.features.uintr ? readUserInterruptMsr(cpu, msr) : null;
  }
  if (msr >= MSR_IA32_VMX_BASIC && msr <= MSR_IA32_VMX_LAST) return readCapability(cpu, msr);
  if (isMtrr(msr)) {
    const mtrr = cpu.msrs.mtrrs.get(msr);
    return mtrr === undefined ? words(0, 0) : words(mtrr[0], mtrr[1]);
  }
  return readControlMsr(cpu, msr);
}

function readLongModeMsr(cpu: Cpu, msr: number): MsrValue | null {
  const { msrs } = cpu;
  switch (msr) {
    case MSR_EFER:
      return words(0, cpu.eferLow);
    case MSR_STAR:
      return words(msrs.starHigh, msrs.starLow);
    case MSR_LSTAR:
      return address(msrs.lstar);
    case MSR_CSTAR:
      return address(msrs.cstar);
    case MSR_FMASK:
      return words(0, msrs.fmask);
    case MSR_FS_BASE:
      return address(cpu.long(CPU_FS_BASE));
    case MSR_GS_BASE:
      return address(cpu.long(CPU_GS_BASE));
    case MSR_KERNEL_GS_BASE:
      return address(msrs.kernelGsBase);
    case MSR_TSC_AUX:
      return words(0, msrs.tscAux);
    default:
      return null;
  }
}

function readCapability(cpu: Cpu, msr: number): MsrValue | null {
  const value = cpu.features.vmx ? cpu.vmx.capability(msr) : null;
  return value === null ? null : words(Number(value >> 32n), Number(value & 0xffff_ffffn));
}

function readControlMsr(cpu: Cpu, msr: number): MsrValue | null {
  const { msrs } = cpu;
  switch (msr) {
    case MSR_IA32_TSC:
      return address(cpu.tsc);
    case MSR_IA32_TSC_ADJUST:
      return address(msrs.tscAdjust);
    case MSR_IA32_APIC_BASE:
      return address(cpu.apic.apicBase);
    case MSR_IA32_TSC_DEADLINE:
      return cpu.features.tscDeadline ? address(cpu.apic.timer.deadline) : null;
    case MSR_IA32_FEATURE_CONTROL:
      return cpu.features.vmx ? words(0, FEATURE_CONTROL_LOCKED_VMX) : null;
    case MSR_IA32_SPEC_CTRL:
      return words(0, msrs.specCtrl);
    case MSR_IA32_SYSENTER_CS:
      return words(0, msrs.sysenterCs);
    case MSR_IA32_SYSENTER_ESP:
      return address(msrs.sysenterEsp);
    case MSR_IA32_SYSENTER_EIP:
      return address(msrs.sysenterEip);
    case MSR_IA32_MISC_ENABLE:
      return words(msrs.miscEnableHigh, readMiscEnable(cpu));
    case MSR_IA32_PERF_STATUS:
      return words(0, msrs.perfCtl);
    case MSR_IA32_PERF_CTL:
      return words(msrs.perfCtlHigh, msrs.perfCtl);
    case MSR_IA32_DEBUGCTL:
      return words(0, msrs.debugCtl);
    case MSR_IA32_PAT:
      return words(msrs.patHigh, msrs.patLow);
    case MSR_IA32_MCG_STATUS:
      return words(0, msrs.mcgStatus);
    default:
      return readConstantMsr(msr);
  }
}

function readConstantMsr(msr: number): MsrValue | null {
  switch (msr) {
    case MSR_IA32_PLATFORM_ID:
      return words(0, 0);
    case MSR_IA32_BIOS_SIGN_ID:
      return words(MICROCODE_REVISION, 0);
    case MSR_IA32_MTRRCAP:
      return words(0, MTRRCAP);
    case MSR_IA32_ARCH_CAPABILITIES:
      return words(0, ARCH_CAPABILITIES);
    case MSR_IA32_MCG_CAP:
      return words(0, MCG_CAP);
    default:
      return null;
  }
}

function isMtrr(msr: number): boolean {
  if (msr === MSR_IA32_MTRR_DEF_TYPE) return true;
  if (msr >= MSR_IA32_MTRR_PHYSBASE0 && msr <= MSR_IA32_MTRR_PHYSMASK7) return true;
  return (
    msr === MSR_IA32_MTRR_FIX64K_00000 ||
    (msr >= 0x258 && msr <= 0x259) ||
    (msr >= 0x268 && msr <= MSR_IA32_MTRR_FIX4K_F8000)
  );
}

/**
 * Writes hi:lo to `msr`; false = #GP(0). Writes to the x2APIC's registers may send interrupts: the caller has waited
 * for its turn.
 */
export function writeMsr(cpu: Cpu, msr: number, hi: number, lo: number): boolean {
  if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST) return writeApicMsr(cpu, msr, hi, lo);
  if (msr >= MSR_EFER) return writeLongModeMsr(cpu, msr, hi, lo);
  if (msr >= MSR_IA32_UINTR_RR && msr <= MSR_IA32_UINTR_TT) {
    return cpu.features.uintr && writeUserInterruptMsr(cpu, msr, hi, lo);
  }
  if (isMtrr(msr)) {
    cpu.msrs.mtrrs.set(msr, [hi, lo]);
    return true;
  }
  return isAddressMsr(msr) ? writeAddressMsr(cpu, msr, hi, lo) : writeControlMsr(cpu, msr, hi, lo);
}

/** Does this write reach the local APIC, so that others may see it? */
export function isApicMsr(msr: number): boolean {
  return (
    (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST) || msr === MSR_IA32_APIC_BASE || msr === MSR_IA32_TSC_DEADLINE
  );
}

function writeApicMsr(cpu: Cpu, msr: number, hi: number, lo: number): boolean {
  cpu.attention = true;
  return cpu.bus.route(cpu, cpu.apic.writeMsr(msr, hi, lo));
}

function writeLongModeMsr(cpu: Cpu, msr: number, hi: number, lo: number): boolean {
  const { msrs } = cpu;
  switch (msr) {
    case MSR_EFER:
      return writeEfer(cpu, hi, lo);
    case MSR_STAR:
      msrs.starHigh = hi;
      msrs.starLow = lo;
      return true;
    case MSR_FMASK:
      if (hi === 0) msrs.fmask = lo;
      return hi === 0;
    case MSR_TSC_AUX:
      if (hi === 0) msrs.tscAux = lo;
      return hi === 0;
    default:
      return isAddressMsr(msr) && writeAddressMsr(cpu, msr, hi, lo);
  }
}

function isAddressMsr(msr: number): boolean {
  switch (msr) {
    case MSR_LSTAR:
    case MSR_CSTAR:
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
    case MSR_IA32_SYSENTER_ESP:
    case MSR_IA32_SYSENTER_EIP:
      return true;
    default:
      return false;
  }
}

/** MSRs that hold a linear address: it must be canonical. */
function writeAddressMsr(cpu: Cpu, msr: number, hi: number, lo: number): boolean {
  if (!isCanonicalPair(hi)) return false;
  const value = canonical(hi, lo);
  const { msrs } = cpu;
  if (msr === MSR_FS_BASE) cpu.setLong(CPU_FS_BASE, value);
  else if (msr === MSR_GS_BASE) cpu.setLong(CPU_GS_BASE, value);
  else if (msr === MSR_KERNEL_GS_BASE) msrs.kernelGsBase = value;
  else if (msr === MSR_LSTAR) msrs.lstar = value;
  else if (msr === MSR_CSTAR) msrs.cstar = value;
  else if (msr === MSR_IA32_SYSENTER_ESP) msrs.sysenterEsp = value;
  else msrs.sysenterEip = value;
  return true;
}

/** LMA is read-only; LME cannot change while paging is enabled. */
function writeEfer(cpu: Cpu, hi: number, lo: number): boolean {
  if (hi !== 0 || (lo & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)) !== 0) return false;
  if ((cpu.cr0 & CR0_PG) !== 0 && ((lo ^ cpu.eferLow) & EFER_LME) !== 0) return false;
  if ((lo & ~cpu.eferLow & EFER_NXE) !== 0 && !hasExecuteDisable(cpu)) return false;
  cpu.eferLow = (lo & ~EFER_LMA) | (cpu.eferLow & EFER_LMA);
  cpu.flushTlbs();
  return true;
}

function writeControlMsr(cpu: Cpu, msr: number, hi: number, lo: number): boolean {
  const { msrs } = cpu;
  switch (msr) {
    case MSR_IA32_TSC:
      return adjustTsc(cpu, (hi | 0) * TWO_32 + lo - cpu.tsc);
    case MSR_IA32_TSC_ADJUST:
      return adjustTsc(cpu, (hi | 0) * TWO_32 + lo - msrs.tscAdjust);
    case MSR_IA32_APIC_BASE:
      if (!cpu.features.x2apic && (lo & APIC_BASE_EXTD) !== 0) return false;
      cpu.flushTlbs();
      return cpu.bus.route(cpu, cpu.apic.writeApicBase(hi, lo));
    case MSR_IA32_TSC_DEADLINE:
      if (cpu.features.tscDeadline) cpu.apic.timer.setDeadline((hi >>> 0) * TWO_32 + lo);
      return cpu.features.tscDeadline;
    case MSR_IA32_PAT:
      return writePat(msrs, hi, lo);
    case MSR_IA32_BIOS_SIGN_ID:
      return true;
    case MSR_IA32_MISC_ENABLE:
      return writeMiscEnable(cpu, hi, lo);
    case MSR_IA32_PERF_CTL:
      return writePerfCtl(msrs, hi, lo);
    default:
      return hi === 0 && writeLowMsr(msrs, msr, lo);
  }
}

/** A target in bits 15:0: every processor state is granted and runs at the same speed. */
function writePerfCtl(msrs: Msrs, hi: number, lo: number): boolean {
  if ((hi & ~PERF_CTL_HIGH_WRITABLE) !== 0 || lo > 0xffff) return false;
  msrs.perfCtl = lo;
  msrs.perfCtlHigh = hi;
  return true;
}

function adjustTsc(cpu: Cpu, delta: number): boolean {
  cpu.setLong(CPU_TSC_OFFSET, cpu.long(CPU_TSC_OFFSET) + delta);
  cpu.msrs.tscAdjust += delta;
  return true;
}

/** MSRs of which only bits of the lower word can be set. */
function writeLowMsr(msrs: Msrs, msr: number, lo: number): boolean {
  switch (msr) {
    case MSR_IA32_SYSENTER_CS:
      msrs.sysenterCs = lo;
      return true;
    case MSR_IA32_SPEC_CTRL:
      if ((lo & ~SPEC_CTRL_WRITABLE) !== 0) return false;
      msrs.specCtrl = lo;
      return true;
    case MSR_IA32_PRED_CMD:
      return (lo & ~1) === 0;
    case MSR_IA32_DEBUGCTL:
      if ((lo & ~DEBUGCTL_WRITABLE) !== 0) return false;
      msrs.debugCtl = lo;
      return true;
    case MSR_IA32_MCG_STATUS:
      msrs.mcgStatus = lo;
      return true;
    default:
      return false;
  }
}

/** Eight memory types: UC 0, WC 1, WT 4, WP 5, WB 6, UC- 7. */
function writePat(msrs: Msrs, hi: number, lo: number): boolean {
  if (!arePatTypes(hi) || !arePatTypes(lo)) return false;
  msrs.patHigh = hi;
  msrs.patLow = lo;
  return true;
}

function arePatTypes(word: number): boolean {
  for (let shift = 0; shift < 32; shift += 8) {
    const type = (word >>> shift) & 0xff;
    if (type > 7 || type === 2 || type === 3) return false;
  }
  return true;
}
