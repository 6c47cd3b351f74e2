/**
 * What emulated instructions compute (SDM vol. 2; the fastops of emulate.c): results and arithmetic flags, on unsigned
 * values of 1, 2, 4 or 8 bytes.
 */
import {
  RFLAGS_AF,
  RFLAGS_ARITHMETIC,
  RFLAGS_CF,
  RFLAGS_OF,
  RFLAGS_PF,
  RFLAGS_SF,
  RFLAGS_ZF,
} from '../../hardware/cpu/rflags.js';
import type { Operation } from './decoded-instruction.js';

export interface Computed {
  /** The new value of the first operand; null = it is not written. */
  readonly result: bigint | null;
  /** RFLAGS. */
  readonly flags: number;
}

/** `first` OP `second`, both of `size` bytes, with RFLAGS `flags`. */
export function compute(operation: Operation, first: bigint, second: bigint, size: number, flags: number): Computed {
  const carry = BigInt(flags & RFLAGS_CF);
  switch (operation) {
    case 'add':
    case 'exchange-add':
      return add(first, second, 0n, size, flags);
    case 'adc':
      return add(first, second, carry, size, flags);
    case 'sub':
      return subtract(first, second, 0n, size, flags);
    case 'neg':
      return subtract(0n, first, 0n, size, flags);
    case 'sbb':
      return subtract(first, second, carry, size, flags);
    case 'cmp':
      return { ...subtract(first, second, 0n, size, flags), result: null };
    case 'inc':
      return keepingCarry(add(first, 1n, 0n, size, flags), flags);
    case 'dec':
      return keepingCarry(subtract(first, 1n, 0n, size, flags), flags);
    case 'and':
      return logic(first & second, size, flags);
    case 'or':
      return logic(first | second, size, flags);
    case 'xor':
      return logic(first ^ second, size, flags);
    case 'test':
      return { ...logic(first & second, size, flags), result: null };
    case 'not':
      return { result: truncated(~first, size), flags };
    case 'bt':
    case 'bts':
    case 'btr':
    case 'btc':
      return bit(operation, first, second, size, flags);
    default:
      return { result: second, flags };
  }
}

function truncated(value: bigint, size: number): bigint {
  return BigInt.asUintN(8 * size, value);
}

function add(first: bigint, second: bigint, carry: bigint, size: number, flags: number): Computed {
  const result = truncated(first + second + carry, size);
  const overflow = (first ^ result) & (second ^ result);
  const carries = first + second + carry !== result;
  return { result, flags: arithmetic(flags, result, size, carries, overflow, first ^ second ^ result) };
}

function subtract(first: bigint, second: bigint, borrow: bigint, size: number, flags: number): Computed {
  const result = truncated(first - second - borrow, size);
  const overflow = (first ^ second) & (first ^ result);
  return { result, flags: arithmetic(flags, result, size, first < second + borrow, overflow, first ^ second ^ result) };
}

/** AF is undefined; it becomes 0. */
function logic(result: bigint, size: number, flags: number): Computed {
  return { result, flags: arithmetic(flags, result, size, false, 0n, 0n) };
}

function keepingCarry({ result, flags }: Computed, before: number): Computed {
  return { result, flags: (flags & ~RFLAGS_CF) | (before & RFLAGS_CF) };
}

/** The bit offset is taken modulo the operand size: the address has been adjusted for the rest. */
function bit(operation: Operation, first: bigint, second: bigint, size: number, flags: number): Computed {
  const mask = 1n << (second & BigInt(8 * size - 1));
  const after = (flags & ~RFLAGS_CF) | ((first & mask) === 0n ? 0 : RFLAGS_CF);
  if (operation === 'bt') return { result: null, flags: after };
  if (operation === 'bts') return { result: first | mask, flags: after };
  return { result: operation === 'btr' ? first & ~mask : first ^ mask, flags: after };
}

function arithmetic(
  flags: number,
  result: bigint,
  size: number,
  carries: boolean,
  overflow: bigint,
  adjust: bigint,
): number {
  const sign = 1n << BigInt(8 * size - 1);
  return (
    (flags & ~RFLAGS_ARITHMETIC) |
    (carries ? RFLAGS_CF : 0) |
    (hasEvenParity(Number(result & 0xffn)) ? RFLAGS_PF : 0) |
    ((adjust & 0x10n) === 0n ? 0 : RFLAGS_AF) |
    (result === 0n ? RFLAGS_ZF : 0) |
    ((result & sign) === 0n ? 0 : RFLAGS_SF) |
    ((overflow & sign) === 0n ? 0 : RFLAGS_OF)
  );
}

function hasEvenParity(byte: number): boolean {
  const folded = byte ^ (byte >>> 4);
  return ((0x9669 >>> (folded & 15)) & 1) !== 0;
}
