import { describe, expect, it } from 'vitest';
import { TestInterruptLines, TestMemory, TestRegister } from './test-device.js';

describe('TestRegister', () => {
  it('is one register through both views', () => {
    const bytes = new Uint8Array(4);
    const wide = new TestRegister(4, bytes);
    const single = new TestRegister(1, bytes);
    wide.write(0, 4, 0xdead_beef);
    single.write(1, 1, 0x12);
    expect(wide.read(0, 4)).toBe(0xdead_12ef);
    expect(wide.read(2, 2)).toBe(0xdead);
    expect(single.read(3, 1)).toBe(0xde);
  });
});

describe('TestInterruptLines', () => {
  it('port n drives line n', () => {
    const driven: [number, boolean][] = [];
    const lines = new TestInterruptLines((line, asserted) => driven.push([line, asserted]));
    lines.write(14, 1, 1);
    lines.write(14, 1, 0);
    expect(driven).toEqual([
      [14, true],
      [14, false],
    ]);
  });
});

describe('TestMemory', () => {
  it('keeps what is written', () => {
    const memory = new TestMemory();
    memory.write(0x100, Uint8Array.of(1, 2, 3));
    const data = new Uint8Array(2);
    memory.read(0x101, data);
    expect([...data]).toEqual([2, 3]);
  });
});
