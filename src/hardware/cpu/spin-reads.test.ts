import { describe, expect, it } from 'vitest';
import { findSpinLoop } from './spin-loop.js';

/** The reads of the loop that starts at page offset 0 and whose branch is the last two bytes. */
function readsOf(code: string, bitness: 32 | 64 = 64): unknown {
  const bytes = new Uint8Array(4096);
  const loop = Buffer.from(code.replaceAll(' ', ''), 'hex');
  bytes.set(loop);
  return findSpinLoop({ bytes, bitness }, 0, loop.length - 2, () => 64)?.reads;
}

const ABSENT = { base: -1, index: -1, scale: 1, segment: -1, displacement: 0, isCodeRelative: false };

describe('what a spin loop reads', () => {
  it('is nothing when it only pauses', () => {
    expect(readsOf('f3 90 eb fc')).toEqual([]);
  });

  it('is the operand of a load, by register', () => {
    expect(readsOf('8b 43 10 85 c0 74 f9')).toEqual([{ ...ABSENT, base: 3, displacement: 16, bytes: 4 }]);
  });

  it('is the operand of a comparison, by base and scaled index', () => {
    expect(readsOf('48 83 3c cb 00 74 f9')).toEqual([{ ...ABSENT, base: 3, index: 1, scale: 8, bytes: 8 }]);
  });

  it('counts from the page of the code when the operand is relative to RIP', () => {
    expect(readsOf('80 3d f9 01 00 00 00 74 f7')).toEqual([
      { ...ABSENT, displacement: 0x200, isCodeRelative: true, bytes: 1 },
    ]);
  });

  it('has the base of GS', () => {
    expect(readsOf('65 8b 03 85 c0 74 f9')).toEqual([{ ...ABSENT, base: 3, segment: 5, bytes: 4 }]);
  });

  it('leaves out what LEA and a NOP with operand only name', () => {
    expect(readsOf('48 8d 03 0f 1f 00 eb f8')).toEqual([]);
  });

  it('cannot be told when the loop loads an address', () => {
    expect(readsOf('48 8b 03 8b 00 85 c0 74 f7')).toBeNull();
  });

  it('cannot be told when addresses have 32 bits', () => {
    expect(readsOf('67 8b 03 85 c0 74 f9')).toBeNull();
    expect(readsOf('f3 90 eb fc', 32)).toBeNull();
  });
});
