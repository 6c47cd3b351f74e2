/**
 * Instructions whose operand lies somewhere else than their memory operand says, or that only check it: BT and its kin
 * with a bit string in memory, XLAT, BOUND, ARPL; and INTO and SALC (SDM vol. 2).
 */
import { Mnemonic } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { VECTOR_BR, VECTOR_OF } from '../exception-vector.js';
import { EVENT_SOFTWARE_EXCEPTION, fault, invalidOpcode } from '../fault.js';
import { ACCESS_READ, ACCESS_RMW } from '../layout.js';
import { LinearRange } from '../linear-access.js';
import { DONE, PASS, REDIRECTED, type Outcome } from '../outcome.js';
import { RFLAGS_CF, RFLAGS_OF, RFLAGS_ZF } from '../rflags.js';
import type { Handler, HandlerTable } from '../slow/handler.js';
import {
  effectiveAddress,
  gprBits,
  gprNumber,
  mapOperand,
  memoryOperand,
  operandRange,
  readWord,
  registerOperand,
  segmentNumber,
  word,
  writeWord,
  type MemoryOperand,
} from '../slow/operands.js';
import { unimplemented } from '../slow/unimplemented-instruction.js';
import { addressBytes, chargeRecord } from './operand-size.js';
import { inProtectedMode, mapSegmented } from './segmentation.js';

const RAX = 0;
const RBX = 3;
const range = new LinearRange();

function setFlag(cpu: Cpu, flag: number, value: boolean): void {
  cpu.rflags = value ? cpu.rflags | flag : cpu.rflags & ~flag;
}

function setAl(cpu: Cpu, value: number): void {
  cpu.setGprWords(RAX, cpu.gprHigh(RAX), ((cpu.gprLow(RAX) & 0xffff_ff00) | value) >>> 0);
}

/** The bit's number, signed: from a register it reaches beyond the operand, from an immediate it does not. */
function bitNumber(cpu: Cpu, instruction: DecodedInstruction, size: number): number {
  const operand = instruction.operands[1];
  if (operand.kind === 'immediate') return Number(operand.value) & (size * 8 - 1);
  if (operand.kind !== 'register') throw new RangeError('the number of a bit is a register or an immediate');
  const value = cpu.gprLow(gprNumber(operand.register));
  return size === 2 ? (value << 16) >> 16 : value | 0;
}

/** BT, BTS, BTR, BTC of a bit string: `change` gives the new value. */
function bitString(change: ((value: number, mask: number) => number) | null): Handler {
  return (cpu, instruction) => {
    const operand = memoryOperand(instruction, 0);
    if (operand === null) return unimplemented(cpu, instruction);
    chargeRecord(cpu, instruction);
    const { size } = operand;
    const bit = bitNumber(cpu, instruction, size);
    const bits = size * 8;
    const start = Number(effectiveAddress(cpu, instruction, operand)) + Math.floor(bit / bits) * size;
    const offset = Number(BigInt.asUintN(instruction.addressSize, BigInt(start)));
    const access = change === null ? ACCESS_READ : ACCESS_RMW;
    const outcome = mapSegmented(cpu, range, segmentNumber(operand.segment), offset, size, access);
    if (outcome !== DONE) return outcome;
    const value = size === 4 ? range.read32(cpu.memory, 0) : range.read16(cpu.memory, 0);
    const mask = (1 << (((bit % bits) + bits) % bits)) >>> 0;
    if (change !== null) {
      const changed = change(value, mask) >>> 0;
      if (size === 4) range.write32(cpu.memory, 0, changed);
      else range.write16(cpu.memory, 0, changed);
    }
    setFlag(cpu, RFLAGS_CF, (value & mask) !== 0);
    return DONE;
  };
}

/** XLAT: AL from the table at rBX. */
function translateByte(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const operand = memoryOperand(instruction, 0) as MemoryOperand;
  const sum = cpu.gprLow(RBX) + (cpu.gprLow(RAX) & 0xff);
  const offset = addressBytes(operand.base) === 2 ? sum & 0xffff : sum >>> 0;
  const outcome = mapSegmented(cpu, range, segmentNumber(operand.segment), offset, 1, ACCESS_READ);
  if (outcome === DONE) setAl(cpu, range.read8(cpu.memory, 0));
  return outcome;
}

/** BOUND: #BR unless lower <= index <= upper, signed. */
function checkBounds(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const register = registerOperand(instruction, 0);
  const wide = gprBits(register) === 32;
  const size = wide ? 4 : 2;
  const outcome = mapOperand(cpu, instruction, memoryOperand(instruction, 1) as MemoryOperand, 2 * size, ACCESS_READ);
  if (outcome !== DONE) return outcome;
  const signed = (value: number): number => (wide ? value | 0 : (value << 16) >> 16);
  const bound = (at: number): number =>
    signed(wide ? operandRange.read32(cpu.memory, at) : operandRange.read16(cpu.memory, at));
  const index = signed(cpu.gprLow(gprNumber(register)));
  return index < bound(0) || index > bound(size) ? fault(cpu, VECTOR_BR) : DONE;
}

/** ARPL: raises the RPL of the first selector to that of the second. */
function adjustRpl(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  if (!inProtectedMode(cpu)) return invalidOpcode(cpu);
  chargeRecord(cpu, instruction);
  const outcome = readWord(cpu, instruction, 0, ACCESS_RMW);
  if (outcome !== DONE) return outcome;
  const selector = word.value;
  const wanted = cpu.gprLow(gprNumber(registerOperand(instruction, 1))) & 3;
  const raises = (selector & 3) < wanted;
  setFlag(cpu, RFLAGS_ZF, raises);
  return raises ? writeSelector(cpu, instruction, (selector & ~3) | wanted) : DONE;
}

/** A register keeps what stands above the selector. */
function writeSelector(cpu: Cpu, instruction: DecodedInstruction, selector: number): Outcome {
  const register = instruction.operands[0];
  if (register.kind !== 'register') return writeWord(cpu, instruction, 0, selector, ACCESS_RMW);
  const number = gprNumber(register.register);
  cpu.setGprWords(number, cpu.gprHigh(number), ((cpu.gprLow(number) & 0xffff_0000) | selector) >>> 0);
  return DONE;
}

/** INTO: #OF behind the instruction if OF is set. */
function interruptOnOverflow(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  if ((cpu.rflags & RFLAGS_OF) === 0) return DONE;
  const { length } = instruction;
  const type = EVENT_SOFTWARE_EXCEPTION;
  const outcome = cpu.nonRoot === null ? PASS : cpu.nonRoot.exception(VECTOR_OF, null, 0, type, length);
  if (outcome !== PASS) return outcome;
  cpu.injected = { type, vector: VECTOR_OF, errorCode: null, length };
  return REDIRECTED;
}

/** SALC: AL = CF ? FFH : 0. */
function setAlFromCarry(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  setAl(cpu, (cpu.rflags & RFLAGS_CF) !== 0 ? 0xff : 0);
  return DONE;
}

export const ADDRESSED_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.Bt, bitString(null)],
  [Mnemonic.Bts, bitString((value, mask) => value | mask)],
  [Mnemonic.Btr, bitString((value, mask) => value & ~mask)],
  [Mnemonic.Btc, bitString((value, mask) => value ^ mask)],
  [Mnemonic.Xlatb, translateByte],
  [Mnemonic.Bound, checkBounds],
  [Mnemonic.Arpl, adjustRpl],
  [Mnemonic.Into, interruptOnOverflow],
  [Mnemonic.Salc, setAlFromCarry],
];
