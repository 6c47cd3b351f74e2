import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accessConditions, instructionConditions, type Access } from './breakpoints.js';
import { DebugRegisters, DR6_BD, DR6_BS } from './debug-registers.js';

const EXECUTION = 0;
const WRITE = 1;
const IO = 2;
const ACCESS = 3;

/** One breakpoint in DR0, enabled locally. */
function armed(kind: number, address: bigint, length: number): DebugRegisters {
  const registers = new DebugRegisters();
  registers.write(0, address);
  registers.write(7, BigInt(1 | (kind << 16) | (length << 18)));
  return registers;
}

const access = (address: number, size: number, writes = true): Access => ({ kind: 'memory', address, size, writes });

describe('debug registers', () => {
  it('have the values of power-up', () => {
    const registers = new DebugRegisters();
    expect(Array.from({ length: 8 }, (_, index) => registers.read(index))).toEqual([
      ...[0n, 0n, 0n, 0n, 0n, 0n],
      0xffff_0ff0n,
      0x400n,
    ]);
  });

  it('DR6 keeps its fixed bits: bus lock reads 1, bit 12 reads 0; RTM can be cleared', () => {
    const registers = new DebugRegisters();
    registers.write(6, 0n);
    expect(registers.read(6)).toBe(0xfffe_0ff0n);
    registers.write(6, 0xffff_ffffn);
    expect(registers.read(6)).toBe(0xffff_efffn);
  });

  it('DR7 keeps its fixed bits: 10 reads 1, 12, 14 and 15 read 0', () => {
    const registers = new DebugRegisters();
    registers.write(7, 0xffff_ffffn);
    expect(registers.read(7)).toBe(0xffff_2fffn);
  });

  it('a debug exception replaces B3-B0, adds to the other bits, sets RTM and clears DR7.GD', () => {
    const registers = new DebugRegisters();
    registers.write(7, 0x2000n);
    registers.write(6, 0n);
    registers.report(DR6_BD | 1);
    registers.report(DR6_BS | 4);
    expect([registers.read(6), registers.read(7)]).toEqual([0xffff_6ff4n, 0x400n]);
  });
});

describe('breakpoints', () => {
  it.each([
    ['local', 1n],
    ['global', 2n],
  ])('are enabled by the %s bit', (_, enable) => {
    const registers = armed(EXECUTION, 0x1000n, 0);
    registers.write(7, enable);
    expect(instructionConditions(registers, 0x1000)).toBe(1);
  });

  it('are met by none while both bits are 0', () => {
    const registers = armed(EXECUTION, 0x1000n, 0);
    registers.write(7, 0x300n); // LE and GE
    expect([registers.isArmed, instructionConditions(registers, 0x1000)]).toEqual([false, 0]);
  });

  it('on instructions are met by their first byte alone, and have a LEN of one byte', () => {
    expect(instructionConditions(armed(EXECUTION, 0x1001n, 0), 0x1000)).toBe(0);
    expect(instructionConditions(armed(EXECUTION, 0x1000n, 1), 0x1000)).toBe(0);
  });

  it('on instructions compare all bits of a canonical address', () => {
    const registers = armed(EXECUTION, 0xffff_8000_0000_1000n, 0);
    expect([-0x7fff_ffff_f000, 0x1000].map((rip) => instructionConditions(registers, rip))).toEqual([1, 0]);
  });

  it('all that are met are reported together', () => {
    const registers = new DebugRegisters();
    for (let index = 0; index < 4; index++) registers.write(index, 0x1000n);
    registers.write(7, 0x3333_0055n);
    expect(accessConditions(registers, [access(0x1000, 1)], false)).toBe(15);
  });

  it.each([
    ['a load', WRITE, access(0x1000, 4, false), 0],
    ['a store', WRITE, access(0x1000, 4), 1],
    ['a load', ACCESS, access(0x1000, 4, false), 1],
    ['a store', EXECUTION, access(0x1000, 4), 0],
    ['a store', IO, access(0x1000, 4), 0],
  ])('%s meets R/W %i as it should', (_, kind, made, expected) => {
    expect(accessConditions(armed(kind, 0x1000n, 3), [made], true)).toBe(expected);
  });

  it('on I/O need CR4.DE and mean ports', () => {
    const registers = armed(IO, 0x3f8n, 1);
    const port: Access = { kind: 'port', address: 0x3f9, size: 1, writes: false };
    expect([true, false].map((de) => accessConditions(registers, [port], de))).toEqual([1, 0]);
    expect(accessConditions(armed(ACCESS, 0x3f8n, 1), [port], true)).toBe(0);
  });

  it('on data are met by any byte of the aligned range that LEN and address name', () => {
    const SIZES = [1, 2, 8, 4];
    fc.assert(
      fc.property(
        fc.integer({ min: 0x1000, max: 0x1020 }),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0xff8, max: 0x1028 }),
        fc.constantFrom(1, 2, 4, 8, 10, 16),
        (address, length, at, size) => {
          const first = address & ~(SIZES[length] - 1);
          const bytes = Array.from({ length: SIZES[length] }, (_, byte) => first + byte);
          const expected = bytes.some((byte) => byte >= at && byte < at + size) ? 1 : 0;
          return accessConditions(armed(ACCESS, BigInt(address), length), [access(at, size)], false) === expected;
        },
      ),
      { seed: 1, numRuns: 500 },
    );
  });
});
