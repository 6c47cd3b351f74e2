/**
 * String instructions outside 64-bit mode with 16-bit addresses or segments that are not flat (SDM vol. 1, 7.3.9): one
 * element at a time, so that a repeated one can be interrupted between any two.
 */
import { Mnemonic } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import { ACCESS_READ, ACCESS_WRITE } from '../layout.js';
import { LinearRange } from '../linear-access.js';
import { DONE, type Outcome } from '../outcome.js';
import * as R from '../rflags.js';
import type { Handler, HandlerTable } from '../slow/handler.js';
import { gprNumber, segmentNumber, type MemoryOperand } from '../slow/operands.js';
import { addressRegister, elementStep, memoryOperands, moveRegister, repeated } from '../slow/repetition.js';
import { addressBytes, chargeRecord } from './operand-size.js';
import { compareFlags } from './comparison.js';
import { mapSegmented } from './segmentation.js';

const RAX = 0;

const first = new LinearRange();
const second = new LinearRange();

function mapElement(cpu: Cpu, range: LinearRange, operand: MemoryOperand, access: number): Outcome {
  const offset = addressRegister(cpu, gprNumber(operand.base), addressBytes(operand.base));
  return mapSegmented(cpu, range, segmentNumber(operand.segment), offset, operand.size, access);
}

function read(cpu: Cpu, range: LinearRange, size: number): number {
  if (size === 4) return range.read32(cpu.memory, 0);
  return size === 2 ? range.read16(cpu.memory, 0) : range.read8(cpu.memory, 0);
}

function write(cpu: Cpu, range: LinearRange, size: number, value: number): void {
  if (size === 4) range.write32(cpu.memory, 0, value);
  else if (size === 2) range.write16(cpu.memory, 0, value);
  else range.write8(cpu.memory, 0, value & 0xff);
}

function accumulator(cpu: Cpu, size: number): number {
  return size === 4 ? cpu.gprLow(RAX) : cpu.gprLow(RAX) & (2 ** (size * 8) - 1);
}

function advance(cpu: Cpu, ...operands: MemoryOperand[]): void {
  for (const { base, size } of operands) {
    moveRegister(cpu, gprNumber(base), addressBytes(base), elementStep(cpu, size));
  }
}

const moves: Handler = (cpu, instruction) => {
  chargeRecord(cpu, instruction);
  const [to, from] = memoryOperands(instruction);
  return repeated(cpu, instruction, () => {
    let outcome = mapElement(cpu, first, from, ACCESS_READ);
    if (outcome === DONE) outcome = mapElement(cpu, second, to, ACCESS_WRITE);
    if (outcome !== DONE) return outcome;
    write(cpu, second, to.size, read(cpu, first, from.size));
    advance(cpu, to, from);
    return DONE;
  });
};

const stores: Handler = (cpu, instruction) => {
  chargeRecord(cpu, instruction);
  const [to] = memoryOperands(instruction);
  return repeated(cpu, instruction, () => {
    const outcome = mapElement(cpu, first, to, ACCESS_WRITE);
    if (outcome !== DONE) return outcome;
    write(cpu, first, to.size, accumulator(cpu, to.size));
    advance(cpu, to);
    return DONE;
  });
};

const loads: Handler = (cpu, instruction) => {
  chargeRecord(cpu, instruction);
  const [from] = memoryOperands(instruction);
  return repeated(cpu, instruction, () => {
    const outcome = mapElement(cpu, first, from, ACCESS_READ);
    if (outcome !== DONE) return outcome;
    const value = read(cpu, first, from.size);
    if (from.size === 4) cpu.setGprWords(RAX, 0, value);
    else {
      const kept = cpu.gprLow(RAX) - accumulator(cpu, from.size);
      cpu.setGprWords(RAX, cpu.gprHigh(RAX), kept + value);
    }
    advance(cpu, from);
    return DONE;
  });
};

/** SCAS and CMPS go on while ZF is as the prefix says. */
function comparing(withAccumulator: boolean): Handler {
  return (cpu, instruction) => {
    chargeRecord(cpu, instruction);
    const operands = memoryOperands(instruction);
    const compare = (): Outcome => {
      let outcome = mapElement(cpu, first, operands[0], ACCESS_READ);
      if (outcome === DONE && !withAccumulator) outcome = mapElement(cpu, second, operands[1], ACCESS_READ);
      if (outcome !== DONE) return outcome;
      const { size } = operands[0];
      if (withAccumulator) compareFlags(cpu, size, accumulator(cpu, size), read(cpu, first, size));
      else compareFlags(cpu, size, read(cpu, first, size), read(cpu, second, size));
      advance(cpu, ...operands);
      return DONE;
    };
    return repeated(cpu, instruction, compare, () => ((cpu.rflags & R.RFLAGS_ZF) !== 0) !== instruction.repne);
  };
}

export const STRING_INSTRUCTIONS: HandlerTable = [
  ...[Mnemonic.Movsb, Mnemonic.Movsw, Mnemonic.Movsd].map((mnemonic) => [mnemonic, moves] as const),
  ...[Mnemonic.Stosb, Mnemonic.Stosw, Mnemonic.Stosd].map((mnemonic) => [mnemonic, stores] as const),
  ...[Mnemonic.Lodsb, Mnemonic.Lodsw, Mnemonic.Lodsd].map((mnemonic) => [mnemonic, loads] as const),
  ...[Mnemonic.Scasb, Mnemonic.Scasw, Mnemonic.Scasd].map((mnemonic) => [mnemonic, comparing(true)] as const),
  ...[Mnemonic.Cmpsb, Mnemonic.Cmpsw, Mnemonic.Cmpsd].map((mnemonic) => [mnemonic, comparing(false)] as const),
];
