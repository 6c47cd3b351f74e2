import { beforeEach, describe, expect, it } from 'vitest';
import { AcpiRegisters } from './acpi-registers.js';
import type { BoardEnd } from './debug-exit.js';

const TSC_HZ = 2_000_000_000;

let ends: BoardEnd[];
let registers: AcpiRegisters;

beforeEach(() => {
  ends = [];
  registers = new AcpiRegisters(TSC_HZ, (end) => ends.push(end));
});

describe('AcpiRegisters', () => {
  it('the timer counts 3579545 Hz in 24 bits', () => {
    expect(registers.read(8, 4, TSC_HZ)).toBe(3_579_545);
    expect(registers.read(8, 4, 5 * TSC_HZ)).toBe((5 * 3_579_545) % 2 ** 24);
    expect(registers.read(9, 1, TSC_HZ)).toBe((3_579_545 >>> 8) & 0xff);
  });

  it('the timer takes no writes', () => {
    registers.write(8, 4, 0);
    expect(registers.read(8, 4, TSC_HZ)).toBe(3_579_545);
  });

  it('is always in ACPI mode and has no events', () => {
    registers.write(2, 2, 0x0100);
    expect([registers.read(4, 2, 0), registers.read(0, 2, 0), registers.read(2, 2, 0)]).toEqual([1, 0, 0x100]);
  });

  it('sleep type S5 with sleep enable switches off, another type does not', () => {
    registers.write(4, 2, (1 << 13) | (3 << 10));
    expect(ends).toEqual([]);
    registers.write(4, 2, 1 << 13);
    expect(ends).toEqual([{ kind: 'power-off' }]);
  });
});
