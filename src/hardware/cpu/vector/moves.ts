/**
 * Moves of MMX and SSE, and the control register of SSE (SDM vol. 2).
 *
 * Left out: hints of non-temporal stores.
 */
import { Mnemonic, type Register } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { MXCSR_BITS, mxcsr, setMxcsr, XMM_SIZE } from '../extended-state.js';
import { generalProtection } from '../fault.js';
import { ACCESS_WRITE } from '../layout.js';
import { chargeRecord } from '../legacy/operand-size.js';
import { DONE, type Outcome } from '../outcome.js';
import type { Handler, HandlerTable } from '../slow/handler.js';
import {
  gprBits,
  mapOperand,
  memoryOperand,
  operandRange,
  registerOperand,
  writeRegister,
  type MemoryOperand,
} from '../slow/operands.js';
import { leaveMmx, mmxAvailable } from './mmx-state.js';
import { destination, readSource, source, vector, vectorRegister, writeMemory } from './operands.js';

/** Moves `size` bytes; a load clears the rest of the register, a move between registers does if `clears`. */
function move(size: number, { unaligned = false, clears = false } = {}): Handler {
  return vector((cpu, instruction) => {
    const outcome = readSource(cpu, instruction, 1, size, unaligned);
    if (outcome !== DONE) return outcome;
    if (memoryOperand(instruction, 0) !== null) return writeMemory(cpu, instruction, unaligned);
    const register = registerOperand(instruction, 0);
    const to = vectorRegister(cpu, register);
    if (to === null) moveToGeneral(cpu, register);
    else
      to.set(
        source.u8.subarray(0, clears || memoryOperand(instruction, 1) !== null ? to.length : Math.min(size, to.length)),
      );
    return DONE;
  });
}

function moveToGeneral(cpu: Cpu, register: Register): void {
  writeRegister(cpu, register, gprBits(register) === 64 ? source.u32[1] : 0, source.u32[0]);
}

/** MOVLPS, MOVHPS and their kin: half of a register, from byte `from` of the source to byte `to`; the rest stays. */
function moveHalf(from: number, to: number): Handler {
  return vector((cpu, instruction) => {
    const outcome = readSource(cpu, instruction, 1, XMM_SIZE);
    if (outcome !== DONE) return outcome;
    if (memoryOperand(instruction, 0) !== null) {
      source.u8.copyWithin(0, to, to + 8);
      return writeMemory(cpu, instruction);
    }
    const at = memoryOperand(instruction, 1) === null ? from : 0;
    destination(cpu, instruction).set(source.u8.subarray(at, at + 8), to);
    return DONE;
  });
}

/** MOVDDUP, MOVSLDUP, MOVSHDUP: elements of `size` bytes, twice each; the `first` one of every pair, 0 or 1. */
function duplicate(size: number, first: number): Handler {
  return vector((cpu, instruction) => {
    const outcome = readSource(cpu, instruction, 1, XMM_SIZE);
    if (outcome !== DONE) return outcome;
    const to = destination(cpu, instruction);
    for (let at = 0; at < XMM_SIZE; at += 2 * size) {
      const from = source.u8.subarray(at + first * size, at + first * size + size);
      to.set(from, at);
      to.set(from, at + size);
    }
    return DONE;
  });
}

/** MASKMOVQ, MASKMOVDQU: the bytes of the first register whose mask in the second has bit 7 set, to DS:rDI. */
const moveMasked = vector((cpu, instruction) => {
  const memory = memoryOperand(instruction, 0) as MemoryOperand;
  const value = vectorRegister(cpu, registerOperand(instruction, 1)) as Uint8Array;
  const mask = vectorRegister(cpu, registerOperand(instruction, 2)) as Uint8Array;
  const outcome = mapOperand(cpu, instruction, memory, value.length, ACCESS_WRITE);
  if (outcome !== DONE) return outcome;
  for (const [byte, bits] of mask.entries()) {
    if (bits >= 0x80) operandRange.write8(cpu.memory, byte, value[byte]);
  }
  return DONE;
});

/** The sign bits of elements of `size` bytes. */
const signMask = (size: number): Handler =>
  vector((cpu, instruction) => {
    const from = vectorRegister(cpu, registerOperand(instruction, 1)) as Uint8Array;
    let mask = 0;
    for (let at = size - 1, bit = 1; at < from.length; at += size, bit <<= 1) {
      if (from[at] >= 0x80) mask |= bit;
    }
    writeRegister(cpu, registerOperand(instruction, 0), 0, mask);
    return DONE;
  });

const loadControl = vector((cpu, instruction) => {
  const outcome = readSource(cpu, instruction, 0, 4);
  if (outcome !== DONE) return outcome;
  const [value] = source.u32;
  if ((value & ~MXCSR_BITS) !== 0) return generalProtection(cpu);
  setMxcsr(cpu, value);
  return DONE;
});

const storeControl = vector((cpu, instruction) => {
  source.u32[0] = mxcsr(cpu);
  return writeMemory(cpu, instruction);
});

function emms(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const outcome = mmxAvailable(cpu);
  if (outcome !== DONE) return outcome;
  chargeRecord(cpu, instruction);
  leaveMmx(cpu);
  return DONE;
}

const ALIGNED = move(XMM_SIZE);
const UNALIGNED = move(XMM_SIZE, { unaligned: true });
const QUADWORD = move(8, { clears: true });

export const VECTOR_MOVES: HandlerTable = [
  ...[Mnemonic.Movaps, Mnemonic.Movapd, Mnemonic.Movdqa].map((mnemonic) => [mnemonic, ALIGNED] as const),
  ...[Mnemonic.Movntps, Mnemonic.Movntpd, Mnemonic.Movntdq, Mnemonic.Movntdqa].map(
    (mnemonic) => [mnemonic, ALIGNED] as const,
  ),
  ...[Mnemonic.Movups, Mnemonic.Movupd, Mnemonic.Movdqu, Mnemonic.Lddqu].map(
    (mnemonic) => [mnemonic, UNALIGNED] as const,
  ),
  ...[Mnemonic.Movq, Mnemonic.Movq2dq, Mnemonic.Movdq2q, Mnemonic.Movntq].map(
    (mnemonic) => [mnemonic, QUADWORD] as const,
  ),
  [Mnemonic.Movd, move(4, { clears: true })],
  [Mnemonic.Movss, move(4)],
  [Mnemonic.Movsd, move(8)],
  ...[Mnemonic.Movlps, Mnemonic.Movlpd].map((mnemonic) => [mnemonic, moveHalf(0, 0)] as const),
  ...[Mnemonic.Movhps, Mnemonic.Movhpd, Mnemonic.Movlhps].map((mnemonic) => [mnemonic, moveHalf(0, 8)] as const),
  [Mnemonic.Movhlps, moveHalf(8, 0)],
  ...[Mnemonic.Maskmovq, Mnemonic.Maskmovdqu].map((mnemonic) => [mnemonic, moveMasked] as const),
  [Mnemonic.Movddup, duplicate(8, 0)],
  [Mnemonic.Movsldup, duplicate(4, 0)],
  [Mnemonic.Movshdup, duplicate(4, 1)],
  [Mnemonic.Pmovmskb, signMask(1)],
  [Mnemonic.Movmskps, signMask(4)],
  [Mnemonic.Movmskpd, signMask(8)],
  [Mnemonic.Ldmxcsr, loadControl],
  [Mnemonic.Stmxcsr, storeControl],
  [Mnemonic.Emms, emms],
];
