/**
 * IA32_MISC_ENABLE (SDM vol. 4, table 2-2). At reset it is what a Sapphire Rapids reports, but for performance monitoring: there
 * is none. Bits of the upper half count from 32.
 *
 * Left out: what fast strings, thermal control, SpeedStep and xTPR messages do; the bits are storage.
 */
import type { Cpu } from './cpu.js';

const FAST_STRINGS = 1 << 0;
const THERMAL_CONTROL = 1 << 3;
const PERFORMANCE_MONITORING = 1 << 7;
const BTS_UNAVAILABLE = 1 << 11;
const PEBS_UNAVAILABLE = 1 << 12;
const SPEEDSTEP = 1 << 16;
const MONITOR_FSM = 1 << 18;
const LIMIT_CPUID_MAXVAL = 1 << 22;
const XTPR_MESSAGES_DISABLED = 1 << 23;
/** Bit 34. */
const XD_DISABLED = 1 << 2;

const READ_ONLY = PERFORMANCE_MONITORING | BTS_UNAVAILABLE | PEBS_UNAVAILABLE;
const WRITABLE = FAST_STRINGS | THERMAL_CONTROL | SPEEDSTEP | LIMIT_CPUID_MAXVAL | XTPR_MESSAGES_DISABLED;

/** Of a processor with MONITOR. */
export const MISC_ENABLE_AT_RESET =
  FAST_STRINGS |
  THERMAL_CONTROL |
  BTS_UNAVAILABLE |
  PEBS_UNAVAILABLE |
  SPEEDSTEP |
  MONITOR_FSM |
  XTPR_MESSAGES_DISABLED;

type MiscEnableCpu = Pick<Cpu, 'features' | 'msrs'>;

function writable({ features }: MiscEnableCpu): number {
  return features.mwait ? WRITABLE | MONITOR_FSM : WRITABLE;
}

/** Bits 31:0. */
export function readMiscEnable(cpu: MiscEnableCpu): number {
  return cpu.msrs.miscEnable & (writable(cpu) | READ_ONLY);
}

/** False = #GP(0), for reserved bits. Read-only bits stay. */
export function writeMiscEnable(cpu: MiscEnableCpu, hi: number, lo: number): boolean {
  const { msrs } = cpu;
  if ((hi & ~XD_DISABLED) !== 0 || (lo & ~(writable(cpu) | READ_ONLY)) !== 0) return false;
  msrs.miscEnable = (lo & ~READ_ONLY) | (msrs.miscEnable & READ_ONLY);
  msrs.miscEnableHigh = hi;
  return true;
}

/** Does the processor have MONITOR and MWAIT, as CPUID.1:ECX[3] says? */
export function hasMonitor({ features, msrs }: MiscEnableCpu): boolean {
  return features.mwait && (msrs.miscEnable & MONITOR_FSM) !== 0;
}

/** Does CPUID have no basic leaves beyond 2? */
export function limitsCpuid({ msrs }: MiscEnableCpu): boolean {
  return (msrs.miscEnable & LIMIT_CPUID_MAXVAL) !== 0;
}

/** Can IA32_EFER.NXE be set, as CPUID.80000001H:EDX[20] says? */
export function hasExecuteDisable({ msrs }: MiscEnableCpu): boolean {
  return (msrs.miscEnableHigh & XD_DISABLED) === 0;
}
