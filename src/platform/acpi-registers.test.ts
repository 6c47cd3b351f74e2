import { beforeEach, describe, expect, it } from 'vitest';
import { AcpiRegisters } from './acpi-registers.js';
import type { BoardEnd } from './debug-exit.js';

const TSC_HZ = 2_000_000_000;

let ends: BoardEnd[];
let registers: AcpiRegisters;
let line: boolean[];
/** When bit 23 of the timer changes for the first time, in seconds. */
const HALF = 2 ** 23 / 3_579_545;

beforeEach(() => {
  ends = [];
  line = [];
  registers = new AcpiRegisters(
    TSC_HZ,
    (end) => ends.push(end),
    (asserted) => line.push(asserted),
  );
});

describe('AcpiRegisters', () => {
  it('the timer counts 3579545 Hz in 24 bits', () => {
    expect(registers.read(8, 4, TSC_HZ)).toBe(3_579_545);
    expect(registers.read(8, 4, 5 * TSC_HZ)).toBe((5 * 3_579_545) % 2 ** 24);
    expect(registers.read(9, 1, TSC_HZ)).toBe((3_579_545 >>> 8) & 0xff);
  });

  it('the timer takes no writes', () => {
    registers.write(8, 4, 0, 0);
    expect(registers.read(8, 4, TSC_HZ)).toBe(3_579_545);
  });

  it('is always in ACPI mode', () => {
    registers.write(4, 2, 0, 0);
    expect(registers.read(4, 2, 0)).toBe(1);
  });

  it('enable bits can be written in any width', () => {
    registers.write(2, 2, 0x0100, 0);
    expect([registers.read(0, 4, 0), registers.read(3, 1, 0)]).toEqual([0x0100_0000, 1]);
    registers.write(3, 1, 0x02, 0);
    expect(registers.read(2, 2, 0)).toBe(0x0200);
    registers.write(0, 4, 0x0001_0000, 0);
    expect(registers.read(2, 2, 0)).toBe(1);
  });

  it('the status of the timer is set when its highest bit changes, and cleared by writing a one', () => {
    const [before, after] = [HALF - 0.001, HALF + 0.001].map((seconds) => registers.read(0, 2, seconds * TSC_HZ));
    expect([before, after]).toEqual([0, 1]);
    registers.write(0, 2, 0xfffe, 2.4 * TSC_HZ);
    expect(registers.read(0, 2, 2.4 * TSC_HZ)).toBe(1);
    registers.write(0, 1, 1, 2.4 * TSC_HZ);
    expect([2.4, 4.6, 4.7].map((seconds) => registers.read(0, 2, seconds * TSC_HZ))).toEqual([0, 0, 1]);
    expect(line).toEqual([]);
  });

  it('the timer interrupts when that is enabled, until its status is cleared', () => {
    expect(registers.nextEventAt).toBe(Infinity);
    registers.write(2, 2, 1, 0);
    const at = registers.nextEventAt;
    expect(at).toBe(Math.ceil(HALF * TSC_HZ));
    registers.advance(at);
    expect([line, registers.nextEventAt]).toEqual([[true], Infinity]);
    registers.write(0, 2, 1, at);
    expect([line, registers.nextEventAt]).toEqual([[true, false], Math.ceil(2 * HALF * TSC_HZ)]);
  });

  it('sleep type S5 with sleep enable switches off, another type does not', () => {
    registers.write(4, 2, (1 << 13) | (3 << 10), 0);
    expect([ends, registers.read(4, 2, 0)]).toEqual([[], (3 << 10) | 1]);
    registers.write(4, 2, 1 << 13, 0);
    expect(ends).toEqual([{ kind: 'power-off' }]);
  });

  it('sleep enable is in the upper byte, which can be written alone', () => {
    registers.write(4, 1, 0xff, 0);
    expect(ends).toEqual([]);
    registers.write(5, 1, 0x20, 0);
    expect(ends).toEqual([{ kind: 'power-off' }]);
  });
});
