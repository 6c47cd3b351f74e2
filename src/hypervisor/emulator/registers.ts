/** The vCPU's registers as operands of emulated instructions (reg_read, reg_write, write_register_operand, emulate.c). */
import type { Cpu } from '../../hardware/cpu/cpu.js';
import type { RegisterOperand } from './decoded-instruction.js';

/** Unsigned value of a register. */
export function readRegister(cpu: Cpu, { number, size, high }: RegisterOperand): bigint {
  return BigInt.asUintN(8 * size, cpu.gpr(number) >> (high ? 8n : 0n));
}

/** Writes `value`: 32 bits zero-extend, 8 and 16 bits leave the rest. */
export function writeRegister(cpu: Cpu, { number, size, high }: RegisterOperand, value: bigint): void {
  if (size >= 4) {
    cpu.setGpr(number, BigInt.asUintN(8 * size, value));
    return;
  }
  const shift = high ? 8n : 0n;
  const mask = ((1n << BigInt(8 * size)) - 1n) << shift;
  cpu.setGpr(number, (cpu.gpr(number) & ~mask) | ((value << shift) & mask));
}

/** A register as an address or count of 2, 4 or 8 bytes. */
export function readAddress(cpu: Cpu, number: number, size: number): bigint {
  return BigInt.asUintN(8 * size, cpu.gpr(number));
}

/** Adds to a register within its address size. */
export function moveAddress(cpu: Cpu, number: number, size: number, by: number): void {
  writeRegister(cpu, { number, size, high: false }, BigInt.asUintN(8 * size, cpu.gpr(number) + BigInt(by)));
}
