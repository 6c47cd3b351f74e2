/**
 * x87 and SSE state of a CPU, kept in the layout of an FXSAVE area (SDM vol. 1, 10.5.1): control, status and tag words,
 * MXCSR, ST0 to ST7 (16 bytes each) and XMM0 to XMM15.
 */
import type { Cpu } from './cpu.js';
import { fault, invalidOpcode, VECTOR_NM } from './fault.js';
import { CPU_HOST_AREA } from './layout.js';
import { CR0_EM, CR0_TS, CR4_OSFXSR } from './mode.js';
import { DONE, type Outcome } from './outcome.js';

export const FX_CONTROL = 0;
export const FX_STATUS = 2;
export const FX_TAGS = 4;
export const FX_MXCSR = 24;
export const FX_MXCSR_MASK = 28;
export const FX_STACK = 32;
export const FX_XMM = 160;
export const FX_SIZE = 512;
export const XMM_SIZE = 16;

/** Every bit of MXCSR that is not reserved. */
export const MXCSR_BITS = 0xffff;
const MXCSR_RESET = 0x1f80;
const CONTROL_RESET = 0x40;
const CONTROL_FNINIT = 0x37f;

/** The state as bytes: a window on the CPU's state block. */
export function extendedState(cpu: Cpu): Uint8Array {
  const at = cpu.block + CPU_HOST_AREA;
  return cpu.memory.u8.subarray(at, at + FX_SIZE);
}

/** XMM register `number` as a window of 16 bytes. */
export function xmm(cpu: Cpu, number: number): Uint8Array {
  const at = cpu.block + CPU_HOST_AREA + FX_XMM + number * XMM_SIZE;
  return cpu.memory.u8.subarray(at, at + XMM_SIZE);
}

export function readState16(cpu: Cpu, offset: number): number {
  return cpu.memory.view.getUint16(cpu.block + CPU_HOST_AREA + offset, true);
}

export function writeState16(cpu: Cpu, offset: number, value: number): void {
  cpu.memory.view.setUint16(cpu.block + CPU_HOST_AREA + offset, value, true);
}

export function mxcsr(cpu: Cpu): number {
  return cpu.word(CPU_HOST_AREA + FX_MXCSR);
}

export function setMxcsr(cpu: Cpu, value: number): void {
  cpu.setWord(CPU_HOST_AREA + FX_MXCSR, value);
}

/** The state after power-up; INIT leaves it alone. */
export function resetExtendedState(cpu: Cpu): void {
  extendedState(cpu).fill(0);
  writeState16(cpu, FX_CONTROL, CONTROL_RESET);
  setMxcsr(cpu, MXCSR_RESET);
  cpu.setWord(CPU_HOST_AREA + FX_MXCSR_MASK, MXCSR_BITS);
}

/** FNINIT: no exceptions unmasked, an empty stack. */
export function initializeX87(cpu: Cpu): void {
  writeState16(cpu, FX_CONTROL, CONTROL_FNINIT);
  extendedState(cpu).fill(0, FX_STATUS, FX_MXCSR);
}

/** The initial configuration of SSE state, but for MXCSR. */
export function initializeSse(cpu: Cpu): void {
  extendedState(cpu).fill(0, FX_XMM, FX_XMM + 16 * XMM_SIZE);
}

/** DONE if SSE instructions can be executed; else #UD or #NM (SDM vol. 3, 14.1.4). */
export function sseAvailable(cpu: Cpu): Outcome {
  if ((cpu.cr0 & CR0_EM) !== 0 || (cpu.cr4 & CR4_OSFXSR) === 0) return invalidOpcode(cpu);
  return (cpu.cr0 & CR0_TS) !== 0 ? fault(cpu, VECTOR_NM) : DONE;
}

/** DONE if x87 instructions can be executed; else #NM. */
export function x87Available(cpu: Cpu): Outcome {
  return (cpu.cr0 & (CR0_EM | CR0_TS)) !== 0 ? fault(cpu, VECTOR_NM) : DONE;
}
