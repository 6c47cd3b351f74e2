/**
 * Instructions of 64-bit mode in the form with 16-bit operands that the interpreter leaves out: ENTER, LEAVE, BSWAP (SDM
 * vol. 2). Outside 64-bit mode ENTER and LEAVE are in legacy/stack-instructions.
 */
import { Mnemonic } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { VECTOR_SS } from '../exception-vector.js';
import { fault } from '../fault.js';
import { ACCESS_READ, ACCESS_WRITE } from '../layout.js';
import { chargeRecord } from '../legacy/operand-size.js';
import { isCanonical, LinearRange } from '../linear-access.js';
import { DONE, type Outcome } from '../outcome.js';
import type { HandlerTable } from './handler.js';
import { registerOperand, writeRegister } from './operands.js';

const RSP = 4;
const RBP = 5;
const SIZE = 2;
const LEVELS = 32;
const stack = new LinearRange();
const frames = new LinearRange();

function mapStack(cpu: Cpu, range: LinearRange, address: number, size: number, access: number): Outcome {
  if (!isCanonical(address) || !isCanonical(address + size - 1)) return fault(cpu, VECTOR_SS, 0);
  return range.map(cpu, address, size, access, cpu.privilege);
}

function setWord(cpu: Cpu, register: number, value: number): void {
  cpu.setGprWords(register, cpu.gprHigh(register), ((cpu.gprLow(register) & 0xffff_0000) | (value & 0xffff)) >>> 0);
}

function leave(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const rbp = cpu.gprNumber(RBP);
  const outcome = mapStack(cpu, stack, rbp, SIZE, ACCESS_READ);
  if (outcome !== DONE) return outcome;
  setWord(cpu, RBP, stack.read16(cpu.memory, 0));
  cpu.setGprNumber(RSP, rbp + SIZE);
  return DONE;
}

/** BP, copies of the outer frame pointers, the new one, and room for locals. */
function enter(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const [locals, level] = instruction.operands.map((operand) =>
    operand.kind === 'immediate' ? Number(operand.value) : 0,
  );
  const copies = Math.max((level % LEVELS) - 1, 0);
  const pushed = (level % LEVELS === 0 ? 1 : copies + 2) * SIZE;
  const rsp = cpu.gprNumber(RSP);
  const frame = rsp - SIZE;
  let outcome =
    copies === 0 ? DONE : mapStack(cpu, frames, cpu.gprNumber(RBP) - copies * SIZE, copies * SIZE, ACCESS_READ);
  if (outcome !== DONE) return outcome;
  outcome = mapStack(cpu, stack, rsp - pushed, pushed, ACCESS_WRITE);
  if (outcome !== DONE) return outcome;
  const outer = Array.from({ length: copies }, (_, copy) => frames.read16(cpu.memory, copy * SIZE));
  const words = level % LEVELS === 0 ? [cpu.gprLow(RBP)] : [frame, ...outer, cpu.gprLow(RBP)];
  for (const [index, word] of words.entries()) stack.write16(cpu.memory, index * SIZE, word & 0xffff);
  setWord(cpu, RBP, frame & 0xffff);
  cpu.setGprNumber(RSP, rsp - pushed - locals);
  return DONE;
}

/** Undefined; processors clear the word. */
function swapBytes(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  writeRegister(cpu, registerOperand(instruction, 0), 0, 0);
  return DONE;
}

export const WORD_OPERANDS: HandlerTable = [
  [Mnemonic.Enter, enter],
  [Mnemonic.Leave, leave],
  [Mnemonic.Bswap, swapBytes],
];
