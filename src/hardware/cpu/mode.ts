/**
 * Operating modes as far as they choose how instructions are decoded: IA32_EFER.LMA, CS.L and CS.D (SDM vol. 3, 2.2).
 */
import { CR0_PE, EFER_LMA } from './control-register-bits.js';
import type { Cpu } from './cpu.js';
import { CPU_MODE, MODE_16, MODE_32, MODE_64, PRIVILEGE_SUPERVISOR, PRIVILEGE_USER } from './layout.js';
import { SEGMENT_CS } from './segments.js';

/** Segment access rights, VMX format. */
export const ACCESS_L = 1 << 13;
export const ACCESS_DB = 1 << 14;

/** Privilege (PRIVILEGE_*) of what instructions access at privilege level `cpl`. */
export function privilegeOf(cpl: number): number {
  return cpl === 3 ? PRIVILEGE_USER : PRIVILEGE_SUPERVISOR;
}

export function inLongMode(cpu: Cpu): boolean {
  return (cpu.eferLow & EFER_LMA) !== 0;
}

/** 64-bit mode, as opposed to compatibility mode and everything outside IA-32e mode. */
export function in64BitMode(cpu: Cpu): boolean {
  return inLongMode(cpu) && (cpu.segments[SEGMENT_CS].access & ACCESS_L) !== 0;
}

/** Makes the interpreter decode for the mode that CR0, EFER and CS stand for. */
export function updateMode(cpu: Cpu): void {
  cpu.setWord(CPU_MODE, decodingMode(cpu));
}

function decodingMode(cpu: Cpu): number {
  if (in64BitMode(cpu)) return MODE_64;
  return (cpu.segments[SEGMENT_CS].access & ACCESS_DB) !== 0 ? MODE_32 : MODE_16;
}

/** The mode that instructions are executed in, as the SDM calls it. */
export function modeName(cpu: Cpu): string {
  if ((cpu.cr0 & CR0_PE) === 0) return 'real-address mode';
  if (in64BitMode(cpu)) return '64-bit mode';
  if (inLongMode(cpu)) return 'compatibility mode';
  return `${decodingMode(cpu) === MODE_32 ? '32' : '16'}-bit protected mode`;
}
