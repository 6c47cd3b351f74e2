/**
 * PUSH, POP, PUSHA, POPA, PUSHF, POPF, ENTER and LEAVE outside 64-bit mode, on stacks that the interpreter does not keep
 * (SDM vol. 2).
 */
import { Mnemonic, type Register } from 'iced-x86';
import { BLOCKING_BY_MOV_SS } from '../activity.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction, Operand } from '../decoded-instruction.js';
import { ACCESS_READ, ACCESS_WRITE } from '../layout.js';
import { DONE, type Outcome } from '../outcome.js';
import { RFLAGS_RF, RFLAGS_VM } from '../rflags.js';
import { SEGMENT_SS } from '../segments.js';
import { loadFlags } from '../slow/flags.js';
import type { HandlerTable } from '../slow/handler.js';
import { gprNumber, mapOperand, operandRange, segmentNumber, writeRegister } from '../slow/operands.js';
import { loadSegment } from '../slow/segment-registers.js';
import { chargeRecord, operandSize } from './operand-size.js';
import { Stack } from './stack.js';

const RSP = 4;
const RBP = 5;
const stack = new Stack();

/** The value of an operand of 2 or 4 bytes, in `operandValue.value`. */
export const operandValue = { value: 0 };

/** Reads a register, segment register, immediate or memory operand of 2 or 4 bytes. */
export function readValue(cpu: Cpu, instruction: DecodedInstruction, operand: Operand, size: number): Outcome {
  const mask = size === 4 ? 0xffff_ffff : 0xffff;
  if (operand.kind === 'memory') {
    const outcome = mapOperand(cpu, instruction, operand, size, ACCESS_READ);
    if (outcome !== DONE) return outcome;
    const wide = size === 4;
    operandValue.value = wide ? operandRange.read32(cpu.memory, 0) : operandRange.read16(cpu.memory, 0);
    return DONE;
  }
  if (operand.kind === 'register') operandValue.value = (registerValue(cpu, operand.register) & mask) >>> 0;
  else if (operand.kind === 'immediate') operandValue.value = Number(BigInt.asUintN(size * 8, operand.value));
  else operandValue.value = Number(operand.target);
  return DONE;
}

function registerValue(cpu: Cpu, register: Register): number {
  const segment = segmentNumber(register);
  return segment >= 0 ? cpu.segments[segment].selector : cpu.gprLow(gprNumber(register));
}

function push(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const size = operandSize(cpu, instruction);
  let outcome = readValue(cpu, instruction, instruction.operands[0], size);
  if (outcome !== DONE) return outcome;
  const { value } = operandValue;
  outcome = stack.useCurrent(cpu).mapPushes(cpu, 1, size);
  if (outcome !== DONE) return outcome;
  stack.write(cpu, 0, size, value);
  stack.setPointer(cpu, stack.moved(-size));
  return DONE;
}

function pop(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const size = operandSize(cpu, instruction);
  const outcome = stack.useCurrent(cpu).mapPops(cpu, 1, size);
  if (outcome !== DONE) return outcome;
  const value = stack.read(cpu, 0, size);
  const [operand] = instruction.operands;
  if (operand.kind === 'memory') return popMemory(cpu, instruction, operand, size, value);
  if (operand.kind !== 'register') throw new RangeError('POP has a register or memory operand');
  const segment = segmentNumber(operand.register);
  if (segment >= 0) return popSegment(cpu, segment, size, value & 0xffff);
  stack.setPointer(cpu, stack.moved(size));
  writeRegister(cpu, operand.register, 0, value);
  return DONE;
}

/** The address of the operand is worked out with the incremented stack pointer. */
function popMemory(
  cpu: Cpu,
  instruction: DecodedInstruction,
  operand: Extract<Operand, { kind: 'memory' }>,
  size: number,
  value: number,
): Outcome {
  const { pointer } = stack;
  stack.setPointer(cpu, stack.moved(size));
  const outcome = mapOperand(cpu, instruction, operand, size, ACCESS_WRITE);
  if (outcome !== DONE) {
    stack.setPointer(cpu, pointer);
    return outcome;
  }
  if (size === 4) operandRange.write32(cpu.memory, 0, value);
  else operandRange.write16(cpu.memory, 0, value);
  return DONE;
}

/** Loading SS changes the width of the stack: the pointer moves first. */
function popSegment(cpu: Cpu, segment: number, size: number, selector: number): Outcome {
  const { pointer } = stack;
  stack.setPointer(cpu, stack.moved(size));
  const outcome = loadSegment(cpu, segment, selector);
  if (outcome !== DONE) stack.setPointer(cpu, pointer);
  else if (segment === SEGMENT_SS) cpu.shadow |= BLOCKING_BY_MOV_SS;
  return outcome;
}

/** PUSHA: AX CX DX BX SP BP SI DI, with SP as it was. */
function pushAll(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const size = operandSize(cpu, instruction);
  const outcome = stack.useCurrent(cpu).mapPushes(cpu, 8, size);
  if (outcome !== DONE) return outcome;
  for (let register = 0; register < 8; register++) stack.write(cpu, register, size, cpu.gprLow(register));
  stack.setPointer(cpu, stack.moved(-8 * size));
  return DONE;
}

/** POPA skips SP. */
function popAll(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const size = operandSize(cpu, instruction);
  const outcome = stack.useCurrent(cpu).mapPops(cpu, 8, size);
  if (outcome !== DONE) return outcome;
  for (let element = 0; element < 8; element++) {
    const register = 7 - element;
    if (register !== RSP) setRegister(cpu, register, size, stack.read(cpu, element, size));
  }
  stack.setPointer(cpu, stack.moved(8 * size));
  return DONE;
}

function setRegister(cpu: Cpu, register: number, size: number, value: number): void {
  if (size === 4) cpu.setGprWords(register, 0, value);
  else cpu.setGprWords(register, cpu.gprHigh(register), ((cpu.gprLow(register) & 0xffff_0000) | value) >>> 0);
}

function pushFlags(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const size = operandSize(cpu, instruction);
  const outcome = stack.useCurrent(cpu).mapPushes(cpu, 1, size);
  if (outcome !== DONE) return outcome;
  stack.write(cpu, 0, size, (cpu.rflags & ~(RFLAGS_VM | RFLAGS_RF)) >>> 0);
  stack.setPointer(cpu, stack.moved(-size));
  return DONE;
}

function popFlags(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const size = operandSize(cpu, instruction);
  const outcome = stack.useCurrent(cpu).mapPops(cpu, 1, size);
  if (outcome !== DONE) return outcome;
  const popped = stack.read(cpu, 0, size);
  loadFlags(cpu, size === 4 ? popped : (cpu.rflags & ~0xffff) | popped);
  stack.setPointer(cpu, stack.moved(size));
  return DONE;
}

/** ENTER: the old frame pointer, copies of outer frame pointers, the new one, and room for `bytes` of locals. */
function enter(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const size = operandSize(cpu, instruction);
  const [bytes, levels] = instruction.operands.map((operand) =>
    operand.kind === 'immediate' ? Number(operand.value) : 0,
  );
  const level = levels % 32;
  const pushes = level === 0 ? 1 : level + 1;
  let outcome = copyFrames(cpu, level, size);
  if (outcome !== DONE) return outcome;
  outcome = stack.useCurrent(cpu).mapPushes(cpu, pushes, size);
  if (outcome !== DONE) return outcome;
  const frame = stack.moved(-size);
  stack.write(cpu, 0, size, cpu.gprLow(RBP));
  for (let copy = 1; copy < level; copy++) stack.write(cpu, copy, size, copies[copy]);
  if (level > 0) stack.write(cpu, level, size, frame);
  stack.setPointer(cpu, stack.moved(-pushes * size - bytes));
  setRegister(cpu, RBP, size, size === 4 ? frame : frame & 0xffff);
  return DONE;
}

const copies: number[] = [];
const frames = new Stack();

function copyFrames(cpu: Cpu, level: number, size: number): Outcome {
  frames.useCurrent(cpu).pointer = (cpu.gprLow(RBP) & frames.mask) >>> 0;
  for (let copy = 1; copy < level; copy++) {
    const outcome = frames.map(cpu, copy, -copy * size, size, ACCESS_READ);
    if (outcome !== DONE) return outcome;
    copies[copy] = frames.read(cpu, copy, size);
  }
  return DONE;
}

function leave(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const size = operandSize(cpu, instruction);
  frames.useCurrent(cpu).pointer = (cpu.gprLow(RBP) & frames.mask) >>> 0;
  const outcome = frames.mapPops(cpu, 1, size);
  if (outcome !== DONE) return outcome;
  const value = frames.read(cpu, 0, size);
  frames.setPointer(cpu, frames.moved(size));
  setRegister(cpu, RBP, size, value);
  return DONE;
}

export const STACK_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.Push, push],
  [Mnemonic.Pop, pop],
  [Mnemonic.Pusha, pushAll],
  [Mnemonic.Pushad, pushAll],
  [Mnemonic.Popa, popAll],
  [Mnemonic.Popad, popAll],
  [Mnemonic.Pushf, pushFlags],
  [Mnemonic.Pushfd, pushFlags],
  [Mnemonic.Popf, popFlags],
  [Mnemonic.Popfd, popFlags],
  [Mnemonic.Enter, enter],
  [Mnemonic.Leave, leave],
];
