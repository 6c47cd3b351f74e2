import { beforeEach, describe, expect, it } from 'vitest';
import { costTable } from '../../cost/cost-table.js';
import { loadProfile } from '../../cost/profile.js';
import { KnownCode } from './known-code.js';
import type { SpinLoop } from './spin-loop.js';

const PAGE = 0x3000;
const COSTS = costTable(loadProfile('ipiv-v1'), 2);
const instruction = { bytes: Uint8Array.of(1, 2, 3), record: new Uint32Array(8), described: null, continues: true };
const loop: SpinLoop = {
  ticks: 1,
  instructions: 1,
  pauses: 0,
  rdtscs: 0,
  pauseInterval: 0,
  exits: [],
  tscBranches: [],
  lastRead: 0,
  reads: null,
};

let code = new KnownCode();
let bytes = new Uint8Array(4096);

beforeEach(() => {
  code = new KnownCode();
  code.prepare(COSTS);
  bytes = new Uint8Array(4096);
  bytes.set([1, 2, 3], 100);
  code.keepInstruction(PAGE, 100, instruction);
  code.keepLoop(PAGE, bytes, 90, 100, loop);
});

describe('an instruction is known', () => {
  it('where the same bytes stand at the same address', () => {
    expect(code.instruction(PAGE, bytes, 100)).toBe(instruction);
  });

  it('whatever stands behind it', () => {
    bytes[103] = 9;
    expect(code.instruction(PAGE, bytes, 100)).toBe(instruction);
  });

  it('not when one of its bytes is another', () => {
    bytes[102] = 9;
    expect(code.instruction(PAGE, bytes, 100)).toBeNull();
  });

  it('not on another page or at another offset', () => {
    expect(code.instruction(2 * PAGE, bytes, 100)).toBeNull();
    expect(code.instruction(PAGE, bytes, 99)).toBeNull();
  });
});

describe('a loop is known', () => {
  it('by the bytes from its head to its branch', () => {
    expect(code.loop(PAGE, bytes, 90, 100)).toBe(loop);
  });

  it('also as none, which is not the same as unknown', () => {
    code.keepLoop(PAGE, bytes, 200, 210, null);
    expect(code.loop(PAGE, bytes, 200, 210)).toBeNull();
    expect(code.loop(PAGE, bytes, 200, 220)).toBeUndefined();
  });

  it.each([90, 95, 100, 102])('not when the byte at %i is another', (at) => {
    bytes[at] = bytes[at] + 1;
    expect(code.loop(PAGE, bytes, 90, 100)).toBeUndefined();
  });

  it('not with another head', () => {
    expect(code.loop(PAGE, bytes, 89, 100)).toBeUndefined();
  });

  it('up to the end of its page', () => {
    code.keepLoop(PAGE, bytes, 4080, 4094, loop);
    expect(code.loop(PAGE, bytes, 4080, 4094)).toBe(loop);
  });
});

describe('code stays known', () => {
  it('while instructions cost the same', () => {
    code.prepare(costTable(loadProfile('ipiv-v1'), 2, { lineFactor: 2, flightFactor: 2 }));
    expect(code.instruction(PAGE, bytes, 100)).toBe(instruction);
  });

  it('not with instructions that cost something else', () => {
    code.prepare({ ...COSTS, classTicks: COSTS.classTicks.map((ticks) => ticks + 1) });
    expect(code.instruction(PAGE, bytes, 100)).toBeNull();
    expect(code.loop(PAGE, bytes, 90, 100)).toBeUndefined();
  });

  it('not with a PAUSE that costs something else', () => {
    code.prepare({ ...COSTS, stepTicks: COSTS.stepTicks.map((ticks) => ticks + 1) });
    expect(code.instruction(PAGE, bytes, 100)).toBeNull();
  });
});
