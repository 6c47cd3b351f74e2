/** MMX, SSE and SSE2 shifts, shuffles, interleaving and packing (SDM vol. 2). */
import { Mnemonic } from 'iced-x86';
import { DONE } from '../outcome.js';
import type { Handler, HandlerTable } from '../slow/handler.js';
import type { LaneType } from './lanes.js';
import { destination, immediate, packed, readSource, source, target, vector } from './operands.js';

// ---- Shifts

type Shift = (value: bigint, count: bigint) => bigint;

/** Elements of `bits` bits by the low 64 bits of the second operand, or by an immediate. */
function shift(bits: number, operate: Shift): Handler {
  return vector((cpu, instruction) => {
    const to = destination(cpu, instruction);
    if (instruction.operands[1].kind === 'immediate') source.u64[0] = BigInt(immediate(instruction, 1));
    else {
      const outcome = readSource(cpu, instruction, 1, to.length);
      if (outcome !== DONE) return outcome;
    }
    target.u8.set(to);
    shiftLanes(bits, source.u64[0], operate);
    to.set(target.u8.subarray(0, to.length));
    return DONE;
  });
}

/** Counts of the width and more are all the same. */
function shiftLanes(bits: number, count: bigint, operate: Shift): void {
  const limited = count < BigInt(bits) ? count : BigInt(bits);
  const mask = (1n << BigInt(bits)) - 1n;
  for (let half = 0; half < 2; half++) {
    let result = 0n;
    for (let at = 0n; at < 64n; at += BigInt(bits)) {
      const value = (target.u64[half] >> at) & mask;
      result |= BigInt.asUintN(bits, operate(value, limited)) << at;
    }
    target.u64[half] = result;
  }
}

const left: Shift = (value, count) => value << count;
const right: Shift = (value, count) => value >> count;
const arithmetic =
  (bits: number): Shift =>
  (value, count) =>
    BigInt.asIntN(bits, value) >> count;

/** PSLLDQ (sign 1) and PSRLDQ (sign -1): bytes of the register. */
function shiftBytes(sign: number): Handler {
  return vector((cpu, instruction) => {
    const to = destination(cpu, instruction);
    const old = to.slice();
    const by = sign * immediate(instruction, 1);
    for (let byte = 0; byte < to.length; byte++) to[byte] = old[byte - by] ?? 0;
    return DONE;
  });
}

// ---- Shuffles

/** Element `position` of the four that an order byte selects from. */
function selected(order: number, position: number): number {
  return (order >>> (2 * position)) & 3;
}

/** PSHUFW, PSHUFLW, PSHUFHW, PSHUFD: four elements from `first` on in the order of an immediate; the others are copied. */
function shuffle(type: 'u16' | 'u32', first = 0): Handler {
  return packed((_, instruction) => {
    const order = immediate(instruction, 2);
    target.u8.set(source.u8);
    for (let position = 0; position < 4; position++) {
      target[type][first + position] = source[type][first + selected(order, position)];
    }
  });
}

/** SHUFPS: two elements of the first operand, then two of the second. */
const shuffleSingles = packed((_, instruction) => {
  const order = immediate(instruction, 2);
  const old = target.u32.slice();
  for (let position = 0; position < 4; position++) {
    target.u32[position] = (position < 2 ? old : source.u32)[selected(order, position)];
  }
});

const shuffleDoubles = packed((_, instruction) => {
  const order = immediate(instruction, 2);
  target.u64[0] = target.u64[order & 1];
  target.u64[1] = source.u64[(order >>> 1) & 1];
});

/** Interleaves elements of `bytes` bytes of the low or the high halves of both operands. */
function interleave(bytes: number, half: 'low' | 'high'): Handler {
  return packed((size) => {
    const old = target.u8.slice();
    const first = half === 'low' ? 0 : size / 2;
    for (let at = 0; at < size / 2; at += bytes) {
      target.u8.set(old.subarray(first + at, first + at + bytes), 2 * at);
      target.u8.set(source.u8.subarray(first + at, first + at + bytes), 2 * at + bytes);
    }
  });
}

/** Elements of both operands, narrowed to the range of `to`. */
function pack(from: LaneType, to: LaneType, low: number, high: number): Handler {
  return packed((size) => {
    const narrow = (value: number): number => Math.min(Math.max(value, low), high);
    const lanes = size / target[from].BYTES_PER_ELEMENT;
    const values = [...target[from].subarray(0, lanes), ...source[from].subarray(0, lanes)];
    target[to].set(values.map(narrow));
  });
}

// prettier-ignore
export const PACKED_ORDER: HandlerTable = [
  [Mnemonic.Psllw,      shift(16, left)],
  [Mnemonic.Pslld,      shift(32, left)],
  [Mnemonic.Psllq,      shift(64, left)],
  [Mnemonic.Psrlw,      shift(16, right)],
  [Mnemonic.Psrld,      shift(32, right)],
  [Mnemonic.Psrlq,      shift(64, right)],
  [Mnemonic.Psraw,      shift(16, arithmetic(16))],
  [Mnemonic.Psrad,      shift(32, arithmetic(32))],
  [Mnemonic.Pslldq,     shiftBytes(1)],
  [Mnemonic.Psrldq,     shiftBytes(-1)],
  [Mnemonic.Pshufw,     shuffle('u16')],
  [Mnemonic.Pshuflw,    shuffle('u16')],
  [Mnemonic.Pshufhw,    shuffle('u16', 4)],
  [Mnemonic.Pshufd,     shuffle('u32')],
  [Mnemonic.Shufps,     shuffleSingles],
  [Mnemonic.Shufpd,     shuffleDoubles],
  [Mnemonic.Punpcklbw,  interleave(1, 'low')],
  [Mnemonic.Punpcklwd,  interleave(2, 'low')],
  [Mnemonic.Punpckldq,  interleave(4, 'low')],
  [Mnemonic.Punpcklqdq, interleave(8, 'low')],
  [Mnemonic.Punpckhbw,  interleave(1, 'high')],
  [Mnemonic.Punpckhwd,  interleave(2, 'high')],
  [Mnemonic.Punpckhdq,  interleave(4, 'high')],
  [Mnemonic.Punpckhqdq, interleave(8, 'high')],
  [Mnemonic.Unpcklps,   interleave(4, 'low')],
  [Mnemonic.Unpckhps,   interleave(4, 'high')],
  [Mnemonic.Unpcklpd,   interleave(8, 'low')],
  [Mnemonic.Unpckhpd,   interleave(8, 'high')],
  [Mnemonic.Packsswb,   pack('i16', 'i8', -0x80, 0x7f)],
  [Mnemonic.Packuswb,   pack('i16', 'u8', 0, 0xff)],
  [Mnemonic.Packusdw,   pack('i32', 'u16', 0, 0xffff)],
  [Mnemonic.Packssdw,   pack('i32', 'i16', -0x8000, 0x7fff)],
];
