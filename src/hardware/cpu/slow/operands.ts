/**
 * Operands of host-executed instructions: registers, effective addresses (SDM vol. 1, 3.7) and the VM-exit instruction
 * information that describes them (vol. 3, 28.2.5).
 */
import { Register } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction, Operand } from '../decoded-instruction.js';
import { VECTOR_GP, VECTOR_SS } from '../exception-vector.js';
import { fault } from '../fault.js';
import { CPU_MODE, MODE_64 } from '../layout.js';
import { mapSegmented, segmentedAddress } from '../legacy/segmentation.js';
import { LinearRange } from '../linear-access.js';
import { DONE, FAULT, type Outcome } from '../outcome.js';
import { SEGMENT_DS, SEGMENT_FS, SEGMENT_GS, SEGMENT_SS } from '../segments.js';

export type MemoryOperand = Extract<Operand, { kind: 'memory' }>;

const CANONICAL_BITS = 48;
/** Encoding of a scale factor, by factor. */
const SCALE_CODE: readonly number[] = [0, 0, 1, 1, 2, 2, 2, 2, 3];

/** Register operand `index`, or Register.None. */
export function registerOperand(instruction: DecodedInstruction, index: number): Register {
  const operand = instruction.operands.at(index);
  return operand?.kind === 'register' ? operand.register : Register.None;
}

/** SDM number (0 RAX .. 15 R15) of a 16-, 32- or 64-bit general-purpose register. */
export function gprNumber(register: Register): number {
  if (register >= Register.RAX && register <= Register.R15) return register - Register.RAX;
  if (register >= Register.EAX && register <= Register.R15D) return register - Register.EAX;
  if (register >= Register.AX && register <= Register.R15W) return register - Register.AX;
  throw new RangeError(`register ${String(register)} is not a 16-, 32- or 64-bit general-purpose register`);
}

/** Width of a general-purpose register in bits. */
export function gprBits(register: Register): 16 | 32 | 64 {
  if (register >= Register.RAX && register <= Register.R15) return 64;
  return register >= Register.EAX && register <= Register.R15D ? 32 : 16;
}

/** General-purpose register `number` as a whole: outside 64-bit mode it has 32 bits. */
export function wholeRegister(cpu: Cpu, number: number): bigint {
  return cpu.word(CPU_MODE) === MODE_64 ? cpu.gpr(number) : BigInt(cpu.gprLow(number));
}

/** SDM number of a segment register, or -1. */
export function segmentNumber(register: Register): number {
  return register >= Register.ES && register <= Register.GS ? register - Register.ES : -1;
}

/** Writes hi:lo to a general-purpose register of any width: 32 bits zero-extend, 16 bits leave the rest. */
export function writeRegister(cpu: Cpu, register: Register, hi: number, lo: number): void {
  const number = gprNumber(register);
  const bits = gprBits(register);
  if (bits === 64) cpu.setGprWords(number, hi >>> 0, lo >>> 0);
  else if (bits === 32) cpu.setGprWords(number, 0, lo >>> 0);
  else cpu.setGprWords(number, cpu.gprHigh(number), ((cpu.gprLow(number) & 0xffff_0000) | (lo & 0xffff)) >>> 0);
}

function registerValue(cpu: Cpu, instruction: DecodedInstruction, register: Register): bigint {
  if (register === Register.None) return 0n;
  if (register === Register.RIP || register === Register.EIP) return BigInt(cpu.rip + instruction.length);
  return cpu.gpr(gprNumber(register));
}

/** Offset of a memory operand within its segment, unsigned, in the instruction's address size. */
export function effectiveAddress(cpu: Cpu, instruction: DecodedInstruction, operand: MemoryOperand): bigint {
  const base = registerValue(cpu, instruction, operand.base);
  const index = registerValue(cpu, instruction, operand.index) * BigInt(operand.scale);
  return BigInt.asUintN(instruction.addressSize, base + index + operand.displacement);
}

/** Linear address: in 64-bit mode only FS and GS have a base. */
function linear(cpu: Cpu, offset: bigint, segment: number): bigint {
  if (cpu.word(CPU_MODE) !== MODE_64) return BigInt(segmentedAddress(cpu, segment, Number(offset)));
  const based = segment === SEGMENT_FS || segment === SEGMENT_GS;
  return BigInt.asIntN(64, offset + (based ? BigInt(cpu.segmentBase(segment)) : 0n));
}

/** Linear address of `offset` in `segment`, or null if it is not canonical. */
export function linearAddress(cpu: Cpu, offset: bigint, segment: number): number | null {
  const address = linear(cpu, offset, segment);
  return BigInt.asIntN(CANONICAL_BITS, address) === address ? Number(address) : null;
}

/** The operand range of most instructions; no instruction here has two memory operands that are mapped at once. */
export const operandRange = new LinearRange();

/** Maps `size` bytes at a memory operand into `range`; #GP(0) if its linear address is not aligned. */
export function mapOperand(
  cpu: Cpu,
  instruction: DecodedInstruction,
  operand: MemoryOperand,
  size: number,
  access: number,
  alignment = 1,
  range = operandRange,
): Outcome {
  const segment = segmentNumber(operand.segment);
  const offset = effectiveAddress(cpu, instruction, operand);
  if (cpu.word(CPU_MODE) !== MODE_64) {
    return mapSegmented(cpu, range, segment, Number(offset), size, access, alignment);
  }
  const first = linearAddress(cpu, offset, segment);
  const last = linearAddress(cpu, offset + BigInt(size - 1), segment);
  if (first === null || last === null) return fault(cpu, segment === SEGMENT_SS ? VECTOR_SS : VECTOR_GP, 0);
  if (first % alignment !== 0) return fault(cpu, VECTOR_GP, 0);
  return range.map(cpu, first, size, access, cpu.privilege);
}

/** The memory operand at `index`; an instruction without one is not what the caller takes it for. */
export function memoryOperand(instruction: DecodedInstruction, index: number): MemoryOperand | null {
  const operand = instruction.operands.at(index);
  return operand?.kind === 'memory' ? operand : null;
}

/** Reads a 16-bit register or memory operand into `word.value`. */
export const word = { value: 0 };

export function readWord(cpu: Cpu, instruction: DecodedInstruction, index: number, access: number): Outcome {
  const memory = memoryOperand(instruction, index);
  if (memory === null) {
    word.value = cpu.gprLow(gprNumber(registerOperand(instruction, index))) & 0xffff;
    return DONE;
  }
  const outcome = mapOperand(cpu, instruction, memory, 2, access);
  if (outcome === DONE) word.value = operandRange.read16(cpu.memory, 0);
  return outcome;
}

/** Stores 16 bits (zero-extended into a 32- or 64-bit register) to operand `index`. */
export function writeWord(
  cpu: Cpu,
  instruction: DecodedInstruction,
  index: number,
  value: number,
  access: number,
): Outcome {
  const memory = memoryOperand(instruction, index);
  if (memory === null) {
    writeRegister(cpu, registerOperand(instruction, index), 0, value);
    return DONE;
  }
  const outcome = mapOperand(cpu, instruction, memory, 2, access);
  if (outcome === DONE) operandRange.write16(cpu.memory, 0, value);
  return outcome;
}

/** Displacement of a memory operand, as exit qualifications give it; 0 for a register operand. */
export function displacement(cpu: Cpu, instruction: DecodedInstruction, index: number): number {
  const memory = memoryOperand(instruction, index);
  if (memory === null) return 0;
  const relative = memory.base === Register.RIP || memory.base === Register.EIP;
  const value = relative ? effectiveAddress(cpu, instruction, memory) : memory.displacement;
  return Number(BigInt.asIntN(64, value));
}

/**
 * VM-exit instruction information common to the instructions with a memory or register operand: scaling 1:0, reg1 6:3,
 * address size 9:7, register form 10, segment 17:15, index 21:18 (invalid 22), base 26:23 (invalid 27).
 */
export function instructionInformation(instruction: DecodedInstruction, index: number): number {
  const memory = memoryOperand(instruction, index);
  if (memory === null) return (gprNumber(registerOperand(instruction, index)) << 3) | (1 << 10);
  const segment = Math.max(segmentNumber(memory.segment), 0);
  const relative = memory.base === Register.RIP || memory.base === Register.EIP;
  const base = memory.base === Register.None || relative ? 1 << 27 : gprNumber(memory.base) << 23;
  const scaled = memory.index === Register.None ? 1 << 22 : gprNumber(memory.index) << 18;
  return SCALE_CODE[memory.scale] | (addressSizeCode(instruction) << 7) | (segment << 15) | scaled | base;
}

/** 0 16-bit, 1 32-bit, 2 64-bit. */
export function addressSizeCode(instruction: DecodedInstruction): number {
  return instruction.addressSize === 64 ? 2 : instruction.addressSize === 32 ? 1 : 0;
}

/** Maps the memory at DS:rAX, as MONITOR and its kin name it. Null when there is no canonical address; cpu.fault is set. */
export function implicitAddress(cpu: Cpu, instruction: DecodedInstruction, register: number): number | null {
  const offset = BigInt.asUintN(instruction.addressSize, cpu.gpr(register));
  const address = linearAddress(cpu, offset, SEGMENT_DS);
  if (address === null) fault(cpu, VECTOR_GP, 0);
  return address;
}

/** The outcome that goes with a null address. */
export const ADDRESS_FAULT = FAULT;
