/** The arithmetic flags of a subtraction and of a logic result (SDM vol. 1, 3.4.3.1), for what the host executes. */
import type { Cpu } from '../cpu.js';
import * as R from '../rflags.js';

function hasEvenParity(value: number): boolean {
  let byte = value & 0xff;
  byte ^= byte >>> 4;
  byte ^= byte >>> 2;
  byte ^= byte >>> 1;
  return (byte & 1) === 0;
}

/** SF, ZF and PF of a result of `size` bytes. */
export function resultFlags(size: number, result: number): number {
  const sign = 2 ** (size * 8 - 1);
  let flags = result === 0 ? R.RFLAGS_ZF : 0;
  if (result >= sign) flags |= R.RFLAGS_SF;
  return hasEvenParity(result) ? flags | R.RFLAGS_PF : flags;
}

/** Replaces the arithmetic flags. */
export function setArithmeticFlags(cpu: Cpu, flags: number): void {
  cpu.rflags = (cpu.rflags & ~R.RFLAGS_ARITHMETIC) | flags;
}

/** Sets the flags of a - b, unsigned values of `size` bytes. */
export function compareFlags(cpu: Cpu, size: number, a: number, b: number): void {
  const modulus = 2 ** (size * 8);
  const result = a >= b ? a - b : a - b + modulus;
  let flags = resultFlags(size, result);
  if (a < b) flags |= R.RFLAGS_CF;
  if (((a ^ b ^ result) & 0x10) !== 0) flags |= R.RFLAGS_AF;
  const sign = modulus / 2;
  const negativeA = a >= sign;
  if (negativeA !== b >= sign && negativeA !== result >= sign) flags |= R.RFLAGS_OF;
  setArithmeticFlags(cpu, flags);
}
