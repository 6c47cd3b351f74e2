/**
 * x87 and SSE state of a CPU, kept in the layout of an FXSAVE area (SDM vol. 1, 10.5.1): control, status and tag words,
 * MXCSR, ST0 to ST7 (16 bytes each) and XMM0 to XMM15.
 */
import { CR0_EM, CR0_NE, CR0_TS, CR4_OSFXSR } from './control-register-bits.js';
import type { Cpu } from './cpu.js';
import { VECTOR_MF, VECTOR_NM } from './exception-vector.js';
import { fault, invalidOpcode } from './fault.js';
import { CPU_HOST_AREA } from './layout.js';
import { DONE, type Outcome } from './outcome.js';
import { UnimplementedError } from './unimplemented.js';

export const FX_CONTROL = 0;
export const FX_STATUS = 2;
export const FX_TAGS = 4;
export const FX_OPCODE = 6;
/** Offsets of the last instruction and of its operand: 64 bits each. */
export const FX_INSTRUCTION = 8;
export const FX_DATA = 16;
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
/** The other bits of the control word are 0, but for one that is 1. */
const CONTROL_BITS = 0x1f3f;

const TOP_SHIFT = 11;
const TOP = 7 << TOP_SHIFT;
const EXCEPTIONS = 0x3f;
/** Error summary, and the busy bit, which follows it. */
const SUMMARY = (1 << 7) | (1 << 15);
const REGISTER_SPACING = 16;

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

export function readState64(cpu: Cpu, offset: number): bigint {
  return cpu.memory.view.getBigUint64(cpu.block + CPU_HOST_AREA + offset, true);
}

export function writeState64(cpu: Cpu, offset: number, value: bigint): void {
  cpu.memory.view.setBigUint64(cpu.block + CPU_HOST_AREA + offset, BigInt.asUintN(64, value), true);
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

// ---- The x87 unit

/** Number of the register that is ST(0). */
export function stackTop(cpu: Cpu): number {
  return (readState16(cpu, FX_STATUS) & TOP) >>> TOP_SHIFT;
}

/** Makes register `top` ST(0). The area holds registers by their distance from the top: they move in it. */
export function setStackTop(cpu: Cpu, top: number): void {
  const area = extendedState(cpu).subarray(FX_STACK, FX_XMM);
  const first = ((top - stackTop(cpu)) & 7) * REGISTER_SPACING;
  const before = area.slice();
  area.set(before.subarray(first));
  area.set(before.subarray(0, first), area.length - first);
  writeState16(cpu, FX_STATUS, (readState16(cpu, FX_STATUS) & ~TOP) | (top << TOP_SHIFT));
}

function pendingExceptions(cpu: Cpu): number {
  return readState16(cpu, FX_STATUS) & ~readState16(cpu, FX_CONTROL) & EXCEPTIONS;
}

/** Sets the error summary and the busy bit if an exception is flagged and not masked, and clears them if none is. */
export function summarizeExceptions(cpu: Cpu): void {
  const status = readState16(cpu, FX_STATUS) & ~SUMMARY;
  writeState16(cpu, FX_STATUS, status | (pendingExceptions(cpu) === 0 ? 0 : SUMMARY));
}

/** The control word, as far as it has bits. */
export function setX87Control(cpu: Cpu, value: number): void {
  writeState16(cpu, FX_CONTROL, (value & CONTROL_BITS) | CONTROL_RESET);
  summarizeExceptions(cpu);
}

/** FNINIT: no exceptions unmasked, an empty stack. */
export function initializeX87(cpu: Cpu): void {
  setStackTop(cpu, 0);
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

/** DONE if no earlier x87 exception is to be reported; else #MF. */
export function reportX87Exception(cpu: Cpu): Outcome {
  if (pendingExceptions(cpu) === 0) return DONE;
  if ((cpu.cr0 & CR0_NE) === 0) throw new UnimplementedError('an x87 exception by FERR# (CR0.NE = 0)', cpu);
  return fault(cpu, VECTOR_MF);
}

/** DONE if an x87 instruction that waits can be executed; else #NM or #MF. */
export function x87Ready(cpu: Cpu): Outcome {
  const outcome = x87Available(cpu);
  return outcome === DONE ? reportX87Exception(cpu) : outcome;
}
