import { describe, expect, it } from 'vitest';
import type { BoardEnd } from './debug-exit.js';
import { PostCode, SystemControlPortA } from './system-control.js';

describe('SystemControlPortA', () => {
  it('resets when bit 0 goes from 0 to 1', () => {
    const ends: BoardEnd[] = [];
    const port = new SystemControlPortA((end) => ends.push(end));
    expect(port.read()).toBe(2);
    port.write(0, 1, 0x02);
    expect(ends).toEqual([]);
    port.write(0, 1, 0x03);
    port.write(0, 1, 0x03);
    expect(ends).toEqual([{ kind: 'reset' }]);
  });
});

describe('PostCode', () => {
  it('keeps the last byte', () => {
    const port = new PostCode();
    port.write(0, 1, 0x5a);
    expect(port.read()).toBe(0x5a);
  });
});
