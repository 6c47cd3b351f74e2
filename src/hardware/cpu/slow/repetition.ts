/**
 * What string instructions have in common (SDM vol. 1, 7.3.9): index registers, DF, and repeat prefixes, one element per
 * attempt, so that a repeated instruction can be interrupted between any two elements.
 */
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { addressBytes } from '../legacy/operand-size.js';
import { DONE, REDIRECTED, type Outcome } from '../outcome.js';
import { RFLAGS_DF } from '../rflags.js';
import type { MemoryOperand } from './operands.js';

const RCX = 1;

/** A register as an address or a count of 2, 4 or 8 bytes; the latter must be exact as a number. */
export function addressRegister(cpu: Cpu, register: number, bytes: number): number {
  if (bytes === 8) return cpu.gprNumber(register);
  return bytes === 4 ? cpu.gprLow(register) : cpu.gprLow(register) & 0xffff;
}

/** Adds to a register within its address size. */
export function moveRegister(cpu: Cpu, register: number, bytes: number, by: number): void {
  if (bytes === 8) cpu.setGpr(register, BigInt.asUintN(64, cpu.gpr(register) + BigInt(by)));
  else if (bytes === 4) cpu.setGprWords(register, 0, (cpu.gprLow(register) + by) >>> 0);
  else {
    const low = cpu.gprLow(register);
    cpu.setGprWords(register, cpu.gprHigh(register), ((low & 0xffff_0000) | ((low + by) & 0xffff)) >>> 0);
  }
}

/** Step of an index register: down with DF. */
export function elementStep(cpu: Cpu, size: number): number {
  return (cpu.rflags & RFLAGS_DF) !== 0 ? -size : size;
}

/** The memory operands: the one that is written, or compared second, is at ES:rDI. */
export function memoryOperands({ operands }: DecodedInstruction): MemoryOperand[] {
  return operands.filter((operand): operand is MemoryOperand => operand.kind === 'memory');
}

/**
 * Executes one element of a string instruction and decides whether the instruction is over. `goesOn` is asked after an
 * element whether a repeated instruction may go on.
 */
export function repeated(
  cpu: Cpu,
  instruction: DecodedInstruction,
  element: () => Outcome,
  goesOn: () => boolean = () => true,
): Outcome {
  if (!instruction.rep && !instruction.repne) return element();
  const bytes = addressBytes(memoryOperands(instruction)[0].base);
  const isOver = (): boolean => addressRegister(cpu, RCX, bytes) === 0;
  if (isOver()) return DONE;
  const outcome = element();
  if (outcome !== DONE) return outcome;
  moveRegister(cpu, RCX, bytes, -1);
  return isOver() || !goesOn() ? DONE : REDIRECTED;
}
