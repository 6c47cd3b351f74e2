import { describe, expect, it } from 'vitest';
import { iterationStart, type PassedInstruction } from './iteration-finder.js';

/** Passes of addresses, each taking ten ticks. */
function passes(iterations: number, ...addresses: number[]): PassedInstruction[] {
  const all = Array.from({ length: iterations }, () => addresses).flat();
  return all.map((rip, index) => ({ rip, at: index * 10 }));
}

describe('where an iteration begins', () => {
  it('is the lowest address where nothing waits', () => {
    expect(iterationStart(passes(6, 5, 1, 2, 3), 40)).toBe(1);
  });

  it('is behind the loop in which it waits longest', () => {
    expect(iterationStart(passes(6, 1, 2, 2, 3, 4, 7, 7, 7, 7, 5, 6), 110)).toBe(5);
  });

  it('is unknown where nothing is passed once per iteration', () => {
    expect(iterationStart(passes(20, 1, 2), 400)).toBeNull();
    expect(iterationStart([], 400)).toBeNull();
  });
});
