import { describe, expect, it } from 'vitest';
import { decodeInstruction, type EmulatedInstruction } from './decoded-instruction.js';

const decode = (hex: string, bitness: 16 | 32 | 64 = 64): EmulatedInstruction | null =>
  decodeInstruction(Uint8Array.from(Buffer.from(hex.replaceAll(' ', '').padEnd(30, '0'), 'hex')), bitness);

describe('decodeInstruction', () => {
  it.each<[string, string, 16 | 32 | 64, Partial<EmulatedInstruction>]>([
    ['a store', '44 89 88 00 03 00 00', 64, { operation: 'move', memoryFirst: true, size: 4, length: 7 }],
    ['a load by address', 'a1 20 00 e0 fe 00 00 00 00', 64, { operation: 'move', memoryFirst: false, length: 9 }],
    ['a sign-extended immediate', '48 c7 03 fe ff ff ff', 64, { immediate: 2n ** 64n - 2n, size: 8, register: null }],
    ['a high byte', '88 23', 64, { register: { number: 0, size: 1, high: true } }],
    ['SPL with a REX prefix', '40 88 23', 64, { register: { number: 4, size: 1, high: false } }],
    ['R9B', '44 88 0b', 64, { register: { number: 9, size: 1, high: false } }],
    ['16-bit operands of 16-bit code', '89 07', 16, { size: 2, length: 2 }],
    ['32-bit operands there', '66 89 07', 16, { size: 4, length: 3 }],
    ['INC of 32-bit code', 'ff 00', 32, { operation: 'inc', register: null, immediate: 1n }],
    ['a repeated string instruction', 'f3 65 a4', 64, { operation: 'movs', repeats: true, segment: 5, addressSize: 8 }],
    ['one with 32-bit addresses', '67 aa', 64, { operation: 'stos', repeats: false, addressSize: 4 }],
    ['string I/O', '66 6f', 64, { operation: 'outs', size: 2 }],
  ])('knows %s', (_, hex, bitness, expected) => {
    expect(decode(hex, bitness)).toMatchObject(expected);
  });

  it.each([
    ['instructions without a memory operand', '89 d8'],
    ['shifts', 'd1 03'],
    ['segment registers', '8c 03'],
    ['x87', 'd9 03'],
    ['what is no instruction', '0f 0b'],
  ])('does not know %s', (_, hex) => {
    expect(decode(hex)).toBeNull();
  });
});
