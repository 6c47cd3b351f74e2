import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TICKS_PER_CYCLE } from '../../cost/step.js';
import type { TscBranch } from './tsc-branch.js';
import { passesBeforeTurn } from './tsc-wait.js';

const TWO_64 = 1n << 64n;
const RBX = 3;

/** A CPU at the start of a pass whose RBX is `rbx`. */
function cpuAt(now: number, rbx: bigint, tscOffset = 0) {
  return {
    now,
    long: () => tscOffset,
    gpr: (register: number) => (register === RBX ? BigInt.asUintN(64, rbx) : 0n),
  };
}

const since = (register: number, bound: bigint, margin: 0 | 1 = 0, readAt = 0): TscBranch => ({
  readAt,
  since: { register },
  bound: { value: bound },
  margin,
});

/** Passes until the comparison comes out differently, one by one. */
function tried(
  now: number,
  ticks: number,
  offset: number,
  start: bigint,
  { readAt, bound, margin }: TscBranch,
): number {
  const isPast = (pass: number): boolean => {
    const tsc = BigInt(Math.floor((now + pass * ticks + readAt) / TICKS_PER_CYCLE) + offset);
    const value = (bound as { value: bigint }).value;
    return BigInt.asUintN(64, tsc - start) >= value + BigInt(margin);
  };
  for (let passes = 0; passes < 10_000; passes++) if (isPast(passes) !== isPast(-1)) return passes;
  return Infinity;
}

describe('passes before a branch on the TSC turns', () => {
  it('are those that trying would find; no more, where TSC - since wraps', () => {
    const some = fc.record({
      now: fc.integer({ min: 100_000, max: 200_000 }),
      ticks: fc.integer({ min: 1, max: 500 }),
      offset: fc.integer({ min: -3000, max: 3000 }),
      startedAgo: fc.bigInt({ min: -20n, max: 50n }),
      bound: fc.bigInt({ min: 0n, max: 60n }),
      margin: fc.constantFrom(0 as const, 1 as const),
      readAt: fc.nat(400),
    });
    fc.assert(
      fc.property(some, ({ now, ticks, offset, startedAgo, bound, margin, readAt }) => {
        const start = BigInt.asUintN(64, BigInt(Math.floor(now / TICKS_PER_CYCLE) + offset) - startedAgo);
        const branch = since(RBX, bound, margin, readAt % ticks);
        const expected = tried(now, ticks, offset, start, branch);
        const passes = passesBeforeTurn(cpuAt(now, start, offset), [branch], ticks);
        expect(passes).toBeLessThanOrEqual(expected);
        const wraps = startedAgo * BigInt(TICKS_PER_CYCLE) < BigInt(ticks) || bound === 0n;
        if (!wraps) expect(passes).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('of several branches the first to turn counts', () => {
    const branches = [since(RBX, 1000n), since(RBX, 100n), since(RBX, 500n)];
    expect(passesBeforeTurn(cpuAt(64, 0n), branches, 64)).toBe(99);
  });

  it('have no end without a branch, nor within the time that the clock can tell', () => {
    expect(passesBeforeTurn(cpuAt(64, 0n), [], 64)).toBe(Infinity);
    expect(passesBeforeTurn(cpuAt(64, 0n), [since(RBX, TWO_64 - 1n)], 64)).toBe(Infinity);
  });
});
