/**
 * The MMX registers (SDM vol. 1, 9.2; vol. 3, 13.2): the low 64 bits of the x87 registers, by their physical numbers. The
 * state area holds the x87 registers by their distance from the top of the stack, as FXSAVE writes them.
 */
import type { Cpu } from '../cpu.js';
import {
  extendedState,
  FX_CONTROL,
  FX_STACK,
  FX_STATUS,
  FX_TAGS,
  readState16,
  writeState16,
} from '../extended-state.js';
import { fault, invalidOpcode, VECTOR_MF, VECTOR_NM } from '../fault.js';
import { CR0_EM, CR0_NE, CR0_TS } from '../mode.js';
import { DONE, type Outcome } from '../outcome.js';

const REGISTERS = 8;
const REGISTER_SPACING = 16;
/** Mantissa, then sign and exponent. */
const REGISTER_SIZE = 10;
const MMX_SIZE = 8;
const ALL_VALID = 0xff;
const TOP_SHIFT = 11;
const TOP = 7 << TOP_SHIFT;
const EXCEPTIONS = 0x3f;

/** An x87 exception is flagged and not masked; with CR0.NE = 0 it would be reported outside the processor. */
export function hasPendingX87Exception(cpu: Cpu): boolean {
  const pending = readState16(cpu, FX_STATUS) & ~readState16(cpu, FX_CONTROL) & EXCEPTIONS;
  return pending !== 0 && (cpu.cr0 & CR0_NE) !== 0;
}

/** DONE if MMX instructions can be executed; else #UD, #NM or #MF. */
export function mmxAvailable(cpu: Cpu): Outcome {
  if ((cpu.cr0 & CR0_EM) !== 0) return invalidOpcode(cpu);
  if ((cpu.cr0 & CR0_TS) !== 0) return fault(cpu, VECTOR_NM);
  return hasPendingX87Exception(cpu) ? fault(cpu, VECTOR_MF) : DONE;
}

/** The x87 register behind MMX register `number`. */
function x87Register(cpu: Cpu, number: number): Uint8Array {
  const top = (readState16(cpu, FX_STATUS) & TOP) >>> TOP_SHIFT;
  const at = FX_STACK + ((number - top) & (REGISTERS - 1)) * REGISTER_SPACING;
  return extendedState(cpu).subarray(at, at + REGISTER_SIZE);
}

/** MMX register `number` as a window of 8 bytes. */
export function mmx(cpu: Cpu, number: number): Uint8Array {
  return x87Register(cpu, number).subarray(0, MMX_SIZE);
}

/** Writing an MMX register sets sign and exponent of the x87 register. */
export function markMmx(cpu: Cpu, number: number): void {
  x87Register(cpu, number).fill(0xff, MMX_SIZE);
}

/** What a completed MMX instruction leaves behind: the top of the stack is 0, and all registers are valid. */
export function enterMmx(cpu: Cpu): void {
  const status = readState16(cpu, FX_STATUS);
  if ((status & TOP) !== 0) {
    const registers = Array.from({ length: REGISTERS }, (_, number) => x87Register(cpu, number).slice());
    writeState16(cpu, FX_STATUS, status & ~TOP);
    registers.forEach((register, number) => {
      x87Register(cpu, number).set(register);
    });
  }
  extendedState(cpu)[FX_TAGS] = ALL_VALID;
}

/** EMMS: as any MMX instruction, but no x87 register is in use. */
export function leaveMmx(cpu: Cpu): void {
  enterMmx(cpu);
  extendedState(cpu)[FX_TAGS] = 0;
}
