/**
 * The MMX registers (SDM vol. 1, 9.2; vol. 3, 13.2): the low 64 bits of the x87 registers, by their physical numbers. The
 * state area holds the x87 registers by their distance from the top of the stack, as FXSAVE writes them.
 */
import { CR0_EM } from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import { extendedState, FX_STACK, FX_TAGS, setStackTop, stackTop, x87Ready } from '../extended-state.js';
import { invalidOpcode } from '../fault.js';
import type { Outcome } from '../outcome.js';

const REGISTERS = 8;
const REGISTER_SPACING = 16;
/** Mantissa, then sign and exponent. */
const REGISTER_SIZE = 10;
const MMX_SIZE = 8;
const ALL_VALID = 0xff;

/** DONE if MMX instructions can be executed; else #UD, #NM or #MF. */
export function mmxAvailable(cpu: Cpu): Outcome {
  return (cpu.cr0 & CR0_EM) !== 0 ? invalidOpcode(cpu) : x87Ready(cpu);
}

/** The x87 register behind MMX register `number`. */
function x87Register(cpu: Cpu, number: number): Uint8Array {
  const at = FX_STACK + ((number - stackTop(cpu)) & (REGISTERS - 1)) * REGISTER_SPACING;
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
  if (stackTop(cpu) !== 0) setStackTop(cpu, 0);
  extendedState(cpu)[FX_TAGS] = ALL_VALID;
}

/** EMMS: as any MMX instruction, but no x87 register is in use. */
export function leaveMmx(cpu: Cpu): void {
  enterMmx(cpu);
  extendedState(cpu)[FX_TAGS] = 0;
}
