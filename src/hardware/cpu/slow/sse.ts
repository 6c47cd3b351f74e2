/**
 * SSE and SSE2 moves, logic and the packed integer operations that compilers use to move and compare memory (SDM vol. 2).
 *
 * Left out: floating-point arithmetic and conversions, shuffles beyond PSHUFD, saturating and multiplying operations.
 */
import { Mnemonic, Register } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { MXCSR_BITS, mxcsr, setMxcsr, sseAvailable, xmm } from '../extended-state.js';
import { generalProtection } from '../fault.js';
import { ACCESS_READ, ACCESS_WRITE } from '../layout.js';
import { chargeRecord } from '../legacy/operand-size.js';
import { DONE, type Outcome } from '../outcome.js';
import type { Handler, HandlerTable } from './handler.js';
import {
  gprBits,
  gprNumber,
  mapOperand,
  memoryOperand,
  operandRange,
  registerOperand,
  writeRegister,
} from './operands.js';
import { unimplemented } from './unimplemented-instruction.js';

const SIZE = 16;

function isXmm(register: Register): boolean {
  return register >= Register.XMM0 && register <= Register.XMM15;
}

/** The last source operand that was read; bytes beyond its size are 0. */
const source = new Uint8Array(SIZE);
const sourceView = new DataView(source.buffer);

/** Reads `size` bytes of an XMM, general-purpose or memory operand into `source`. */
function readSource(cpu: Cpu, instruction: DecodedInstruction, index: number, size: number, aligned: boolean): Outcome {
  source.fill(0);
  const memory = memoryOperand(instruction, index);
  if (memory === null) return readRegister(cpu, instruction, registerOperand(instruction, index), size);
  const outcome = mapOperand(cpu, instruction, memory, size, ACCESS_READ);
  if (outcome !== DONE) return outcome;
  if (aligned && operandRange.address(0) % SIZE !== 0) return generalProtection(cpu);
  for (let byte = 0; byte < size; byte++) source[byte] = operandRange.read8(cpu.memory, byte);
  return DONE;
}

function readRegister(cpu: Cpu, instruction: DecodedInstruction, register: Register, size: number): Outcome {
  if (isXmm(register)) source.set(xmm(cpu, register - Register.XMM0).subarray(0, size));
  else if (register >= Register.MM0 && register <= Register.MM7) return unimplemented(cpu, instruction);
  else sourceView.setBigUint64(0, BigInt.asUintN(size * 8, cpu.gpr(gprNumber(register))), true);
  return DONE;
}

/** Writes the first `size` bytes of `source` to memory. */
function writeMemory(cpu: Cpu, instruction: DecodedInstruction, size: number, aligned: boolean): Outcome {
  const memory = memoryOperand(instruction, 0);
  if (memory === null) return unimplemented(cpu, instruction);
  const outcome = mapOperand(cpu, instruction, memory, size, ACCESS_WRITE);
  if (outcome !== DONE) return outcome;
  if (aligned && operandRange.address(0) % SIZE !== 0) return generalProtection(cpu);
  for (let byte = 0; byte < size; byte++) operandRange.write8(cpu.memory, byte, source[byte]);
  return DONE;
}

function sse(handler: Handler): Handler {
  return (cpu, instruction) => {
    const outcome = sseAvailable(cpu);
    if (outcome !== DONE) return outcome;
    chargeRecord(cpu, instruction);
    return handler(cpu, instruction);
  };
}

function destination(cpu: Cpu, instruction: DecodedInstruction): Uint8Array | null {
  const register = registerOperand(instruction, 0);
  return isXmm(register) ? xmm(cpu, register - Register.XMM0) : null;
}

/** Moves `size` bytes; a load from memory clears the rest, a move between registers does if `clears`. */
function move(size: number, options: { aligned?: boolean; clears?: boolean } = {}): Handler {
  const { aligned = false, clears = false } = options;
  return sse((cpu, instruction) => {
    const outcome = readSource(cpu, instruction, 1, size, aligned);
    if (outcome !== DONE) return outcome;
    const to = destination(cpu, instruction);
    if (to !== null) to.set(clears || memoryOperand(instruction, 1) !== null ? source : source.subarray(0, size));
    else if (memoryOperand(instruction, 0) !== null) return writeMemory(cpu, instruction, size, aligned);
    else return moveToGeneral(cpu, instruction);
    return DONE;
  });
}

function moveToGeneral(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const register = registerOperand(instruction, 0);
  if (register >= Register.MM0 && register <= Register.MM7) return unimplemented(cpu, instruction);
  const high = gprBits(register) === 64 ? sourceView.getUint32(4, true) : 0;
  writeRegister(cpu, register, high, sourceView.getUint32(0, true));
  return DONE;
}

/** MOVLPS, MOVHPS and their kin: half of a register, from byte `from` of the source to byte `to`; the rest stays. */
function moveHalf(from: number, to: number): Handler {
  return sse((cpu, instruction) => {
    const stores = memoryOperand(instruction, 0) !== null;
    const isBetweenRegisters = !stores && memoryOperand(instruction, 1) === null;
    const outcome = readSource(cpu, instruction, 1, stores || isBetweenRegisters ? SIZE : 8, false);
    if (outcome !== DONE) return outcome;
    if (stores) {
      source.copyWithin(0, to, to + 8);
      return writeMemory(cpu, instruction, 8, false);
    }
    const at = isBetweenRegisters ? from : 0;
    destination(cpu, instruction)?.set(source.subarray(at, at + 8), to);
    return DONE;
  });
}

/** An operation on both operands, 16 bytes each, that leaves its result in the first. */
function packed(operate: (to: Uint8Array, from: Uint8Array) => void): Handler {
  return sse((cpu, instruction) => {
    const outcome = readSource(cpu, instruction, 1, SIZE, true);
    if (outcome !== DONE) return outcome;
    const to = destination(cpu, instruction);
    if (to === null) return unimplemented(cpu, instruction);
    operate(to, source);
    return DONE;
  });
}

const bytewise = (operate: (a: number, b: number) => number): Handler =>
  packed((to, from) => {
    for (let byte = 0; byte < SIZE; byte++) to[byte] = operate(to[byte], from[byte]);
  });

function lane(bytes: Uint8Array, at: number, size: number): bigint {
  let value = 0n;
  for (let byte = size - 1; byte >= 0; byte--) value = (value << 8n) | BigInt(bytes[at + byte]);
  return value;
}

/** An operation on elements of `size` bytes, modulo their width. */
const elementwise = (size: number, operate: (a: bigint, b: bigint) => bigint): Handler =>
  packed((to, from) => {
    for (let at = 0; at < SIZE; at += size) {
      let result = BigInt.asUintN(size * 8, operate(lane(to, at, size), lane(from, at, size)));
      for (let byte = 0; byte < size; byte++, result >>= 8n) to[at + byte] = Number(result & 0xffn);
    }
  });

const isEqual = (a: bigint, b: bigint): bigint => (a === b ? -1n : 0n);
const sum = (a: bigint, b: bigint): bigint => a + b;
const difference = (a: bigint, b: bigint): bigint => a - b;

/** Interleaves the elements of one half of both operands. */
const interleave = (size: number, half: number): Handler =>
  packed((to, from) => {
    const mine = to.slice(half, half + 8);
    const others = from.slice(half, half + 8);
    for (let at = 0; at < 8; at += size) {
      to.set(mine.subarray(at, at + size), 2 * at);
      to.set(others.subarray(at, at + size), 2 * at + size);
    }
  });

function immediate(instruction: DecodedInstruction, index: number): number {
  const operand = instruction.operands.at(index);
  return operand?.kind === 'immediate' ? Number(operand.value) & 0xff : 0;
}

const shuffle = sse((cpu, instruction) => {
  const outcome = readSource(cpu, instruction, 1, SIZE, true);
  if (outcome !== DONE) return outcome;
  const order = immediate(instruction, 2);
  const to = destination(cpu, instruction);
  for (let element = 0; element < 4; element++) {
    const from = ((order >>> (2 * element)) & 3) * 4;
    to?.set(source.subarray(from, from + 4), element * 4);
  }
  return DONE;
});

/** PSLLDQ (sign 1) and PSRLDQ (sign -1). */
const shiftBytes = (sign: number): Handler =>
  sse((cpu, instruction) => {
    const to = destination(cpu, instruction);
    if (to === null) return unimplemented(cpu, instruction);
    const old = to.slice();
    const by = sign * immediate(instruction, 1);
    for (let byte = 0; byte < SIZE; byte++) to[byte] = byte - by >= 0 && byte - by < SIZE ? old[byte - by] : 0;
    return DONE;
  });

/** The sign bits of elements of `size` bytes. */
const signMask = (size: number): Handler =>
  sse((cpu, instruction) => {
    const outcome = readSource(cpu, instruction, 1, SIZE, false);
    if (outcome !== DONE) return outcome;
    let mask = 0;
    for (let element = 0; element * size < SIZE; element++) {
      if (source[(element + 1) * size - 1] >= 0x80) mask |= 1 << element;
    }
    writeRegister(cpu, registerOperand(instruction, 0), 0, mask);
    return DONE;
  });

const loadControl = sse((cpu, instruction) => {
  const outcome = readSource(cpu, instruction, 0, 4, false);
  if (outcome !== DONE) return outcome;
  const value = sourceView.getUint32(0, true);
  if ((value & ~MXCSR_BITS) !== 0) return generalProtection(cpu);
  setMxcsr(cpu, value);
  return DONE;
});

const storeControl = sse((cpu, instruction) => {
  sourceView.setUint32(0, mxcsr(cpu), true);
  return writeMemory(cpu, instruction, 4, false);
});

const ALIGNED = move(SIZE, { aligned: true });
const UNALIGNED = move(SIZE);
const XOR = bytewise((a, b) => a ^ b);
const AND = bytewise((a, b) => a & b);
const AND_NOT = bytewise((a, b) => ~a & b);
const OR = bytewise((a, b) => a | b);

export const SSE_INSTRUCTIONS: HandlerTable = [
  ...[Mnemonic.Movaps, Mnemonic.Movapd, Mnemonic.Movdqa].map((mnemonic) => [mnemonic, ALIGNED] as const),
  ...[Mnemonic.Movntps, Mnemonic.Movntpd, Mnemonic.Movntdq].map((mnemonic) => [mnemonic, ALIGNED] as const),
  ...[Mnemonic.Movups, Mnemonic.Movupd, Mnemonic.Movdqu].map((mnemonic) => [mnemonic, UNALIGNED] as const),
  [Mnemonic.Lddqu, UNALIGNED],
  [Mnemonic.Movd, move(4, { clears: true })],
  [Mnemonic.Movq, move(8, { clears: true })],
  [Mnemonic.Movss, move(4)],
  [Mnemonic.Movsd, move(8)],
  ...[Mnemonic.Movlps, Mnemonic.Movlpd].map((mnemonic) => [mnemonic, moveHalf(0, 0)] as const),
  ...[Mnemonic.Movhps, Mnemonic.Movhpd, Mnemonic.Movlhps].map((mnemonic) => [mnemonic, moveHalf(0, 8)] as const),
  [Mnemonic.Movhlps, moveHalf(8, 0)],
  ...[Mnemonic.Pxor, Mnemonic.Xorps, Mnemonic.Xorpd].map((mnemonic) => [mnemonic, XOR] as const),
  ...[Mnemonic.Pand, Mnemonic.Andps, Mnemonic.Andpd].map((mnemonic) => [mnemonic, AND] as const),
  ...[Mnemonic.Pandn, Mnemonic.Andnps, Mnemonic.Andnpd].map((mnemonic) => [mnemonic, AND_NOT] as const),
  ...[Mnemonic.Por, Mnemonic.Orps, Mnemonic.Orpd].map((mnemonic) => [mnemonic, OR] as const),
  [Mnemonic.Pcmpeqb, elementwise(1, isEqual)],
  [Mnemonic.Pcmpeqw, elementwise(2, isEqual)],
  [Mnemonic.Pcmpeqd, elementwise(4, isEqual)],
  [Mnemonic.Paddb, elementwise(1, sum)],
  [Mnemonic.Paddw, elementwise(2, sum)],
  [Mnemonic.Paddd, elementwise(4, sum)],
  [Mnemonic.Paddq, elementwise(8, sum)],
  [Mnemonic.Psubb, elementwise(1, difference)],
  [Mnemonic.Psubw, elementwise(2, difference)],
  [Mnemonic.Psubd, elementwise(4, difference)],
  [Mnemonic.Psubq, elementwise(8, difference)],
  [Mnemonic.Punpcklbw, interleave(1, 0)],
  [Mnemonic.Punpcklwd, interleave(2, 0)],
  [Mnemonic.Punpckldq, interleave(4, 0)],
  [Mnemonic.Punpcklqdq, interleave(8, 0)],
  [Mnemonic.Punpckhbw, interleave(1, 8)],
  [Mnemonic.Punpckhwd, interleave(2, 8)],
  [Mnemonic.Punpckhdq, interleave(4, 8)],
  [Mnemonic.Punpckhqdq, interleave(8, 8)],
  [Mnemonic.Pshufd, shuffle],
  [Mnemonic.Pslldq, shiftBytes(1)],
  [Mnemonic.Psrldq, shiftBytes(-1)],
  [Mnemonic.Pmovmskb, signMask(1)],
  [Mnemonic.Movmskps, signMask(4)],
  [Mnemonic.Movmskpd, signMask(8)],
  [Mnemonic.Ldmxcsr, loadControl],
  [Mnemonic.Stmxcsr, storeControl],
];
