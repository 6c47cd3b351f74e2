/**
 * Model-specific registers: their storage, RDMSR and WRMSR outside VMX, and what the values may be (SDM vol. 4).
 *
 * FS and GS bases live in the CPU's state block, EFER in `cpu.eferLow`, the local APIC's registers in the local APIC
 * and the VMX capability MSRs in the VMX unit; everything else is stored here.
 */
import type { Cpu } from './cpu.js';

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
  patLow = 0x0007_0406;
  patHigh = 0x0007_0406;
  debugCtl = 0;
  specCtrl = 0;
}

/** The 64-bit value that RDMSR puts into EDX:EAX. */
export interface MsrValue {
  hi: number;
  lo: number;
}

/** Value of `msr`, or null if reading it is #GP(0). The object is reused by the next call. */
export function readMsr(_cpu: Cpu, _msr: number): MsrValue | null {
  return null;
}

/** Writes hi:lo to `msr`; false = #GP(0). */
export function writeMsr(_cpu: Cpu, _msr: number, _hi: number, _lo: number): boolean {
  return false;
}
