import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runSeed, standardDraw } from './placement.js';

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);
const RUNS = Array.from({ length: 20 }, (_, run) => run);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('placement noise', () => {
  it('draws with mean 0 and standard deviation 1', () => {
    const draws = SEEDS.flatMap((seed) => RUNS.map((run) => standardDraw(runSeed(seed, run))));
    const average = mean(draws);
    expect(Math.abs(average)).toBeLessThan(0.05);
    expect(Math.sqrt(mean(draws.map((draw) => (draw - average) ** 2)))).toBeCloseTo(1, 1);
  });

  it('leaves the mean of 20 runs within two standard errors of 0 for at least nine seeds in ten', () => {
    const within = SEEDS.filter((seed) => {
      const draws = RUNS.map((run) => standardDraw(runSeed(seed, run)));
      const average = mean(draws);
      const deviation = Math.sqrt(draws.reduce((sum, draw) => sum + (draw - average) ** 2, 0) / (draws.length - 1));
      return Math.abs(average) <= (2 * deviation) / Math.sqrt(draws.length);
    });
    expect(within.length).toBeGreaterThanOrEqual(180);
  });

  it('gives the same draw for the same seed and run', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(1000), (seed, run) => {
        expect(standardDraw(runSeed(seed, run))).toBe(standardDraw(runSeed(seed, run)));
      }),
    );
  });
});
