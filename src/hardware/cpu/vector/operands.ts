/**
 * Operands of vector instructions (SDM vol. 2, 2.4): XMM, MMX and general-purpose registers, and memory, which must be
 * aligned for most operations on 16 bytes.
 */
import { Register } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { sseAvailable, xmm, XMM_SIZE } from '../extended-state.js';
import { ACCESS_READ, ACCESS_WRITE } from '../layout.js';
import { chargeRecord } from '../legacy/operand-size.js';
import { DONE, type Outcome } from '../outcome.js';
import type { Handler } from '../slow/handler.js';
import { gprNumber, mapOperand, memoryOperand, operandRange, registerOperand } from '../slow/operands.js';
import { Lanes } from './lanes.js';
import { enterMmx, markMmx, mmx, mmxAvailable } from './mmx-state.js';

/** The operand that an instruction reads and changes, and then its result. */
export const target = new Lanes();
/** The other operand; bytes beyond its size are 0. */
export const source = new Lanes();

export function isXmm(register: Register): boolean {
  return register >= Register.XMM0 && register <= Register.XMM15;
}

export function isMmx(register: Register): boolean {
  return register >= Register.MM0 && register <= Register.MM7;
}

/** Window on an XMM (16 bytes) or MMX register (8), or null for any other register. */
export function vectorRegister(cpu: Cpu, register: Register): Uint8Array | null {
  if (isXmm(register)) return xmm(cpu, register - Register.XMM0);
  return isMmx(register) ? mmx(cpu, register - Register.MM0) : null;
}

/** The register that operand 0 is, which must be a vector register. */
export function destination(cpu: Cpu, instruction: DecodedInstruction): Uint8Array {
  const window = vectorRegister(cpu, registerOperand(instruction, 0));
  if (window === null) throw new RangeError('the first operand of this instruction is a vector register');
  return window;
}

/**
 * Reads operand `index` into `source`: the first `size` bytes of a vector register, a general-purpose register, or
 * memory, of which 16 bytes must be aligned unless `unaligned`.
 */
export function readSource(
  cpu: Cpu,
  instruction: DecodedInstruction,
  index: number,
  size: number,
  unaligned = false,
): Outcome {
  source.u8.fill(0);
  const memory = memoryOperand(instruction, index);
  if (memory !== null) {
    const alignment = memory.size === XMM_SIZE && !unaligned ? XMM_SIZE : 1;
    const outcome = mapOperand(cpu, instruction, memory, memory.size, ACCESS_READ, alignment);
    if (outcome !== DONE) return outcome;
    for (let byte = 0; byte < memory.size; byte++) source.u8[byte] = operandRange.read8(cpu.memory, byte);
    return DONE;
  }
  const register = registerOperand(instruction, index);
  const window = vectorRegister(cpu, register);
  if (window === null) source.u64[0] = BigInt.asUintN(size * 8, cpu.gpr(gprNumber(register)));
  else source.u8.set(window.subarray(0, size));
  return DONE;
}

/** Writes the first bytes of `source` to memory operand 0, as many as it has. */
export function writeMemory(cpu: Cpu, instruction: DecodedInstruction, unaligned = false): Outcome {
  const memory = memoryOperand(instruction, 0);
  if (memory === null) throw new RangeError('the first operand of this instruction is memory');
  const alignment = memory.size === XMM_SIZE && !unaligned ? XMM_SIZE : 1;
  const outcome = mapOperand(cpu, instruction, memory, memory.size, ACCESS_WRITE, alignment);
  if (outcome !== DONE) return outcome;
  for (let byte = 0; byte < memory.size; byte++) operandRange.write8(cpu.memory, byte, source.u8[byte]);
  return DONE;
}

function names(instruction: DecodedInstruction, isOfKind: (register: Register) => boolean): boolean {
  return instruction.operands.some((operand) => operand.kind === 'register' && isOfKind(operand.register));
}

/**
 * A vector instruction: #UD, #NM and #MF as its registers ask for, its cost, and the state that MMX instructions leave.
 */
export function vector(handler: Handler): Handler {
  return (cpu, instruction) => {
    const usesMmx = names(instruction, isMmx);
    let outcome = !usesMmx || names(instruction, isXmm) ? sseAvailable(cpu) : DONE;
    if (outcome === DONE && usesMmx) outcome = mmxAvailable(cpu);
    if (outcome !== DONE) return outcome;
    chargeRecord(cpu, instruction);
    outcome = handler(cpu, instruction);
    if (outcome === DONE && usesMmx) completeMmx(cpu, instruction);
    return outcome;
  };
}

function completeMmx(cpu: Cpu, instruction: DecodedInstruction): void {
  const first = registerOperand(instruction, 0);
  if (isMmx(first)) markMmx(cpu, first - Register.MM0);
  enterMmx(cpu);
}

/**
 * An operation on two operands of the width of the first one, a vector register: from `target` and `source` into
 * `target`, of which `size` bytes count.
 */
export function packed(operate: (size: number, instruction: DecodedInstruction) => void): Handler {
  return vector((cpu, instruction) => {
    const to = destination(cpu, instruction);
    const outcome = readSource(cpu, instruction, 1, to.length);
    if (outcome !== DONE) return outcome;
    target.u8.set(to);
    operate(to.length, instruction);
    to.set(target.u8.subarray(0, to.length));
    return DONE;
  });
}

/** An 8-bit immediate. */
export function immediate(instruction: DecodedInstruction, index: number): number {
  const operand = instruction.operands.at(index);
  if (operand?.kind !== 'immediate') throw new RangeError(`operand ${String(index)} is an immediate`);
  return Number(operand.value) & 0xff;
}
