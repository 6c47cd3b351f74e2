/** What placement noise does to the averages of the published cases: first on the machine, then over many seeds. */
import { describe, expect, it } from 'vitest';
import { drawPlacement, runSeed } from '../src/cost/placement.js';
import { loadProfile } from '../src/cost/profile.js';
import { isProgramCase } from '../src/machine/image-options.js';
import { impossibilities } from '../src/machine/impossible.js';
import { loadInterpreter } from '../src/machine/interpreter.js';
import { profileEvaluator } from '../src/run/evaluate-profile.js';
import { expandCases } from '../src/scenario/expand.js';
import { loadScenario } from '../src/scenario/load.js';

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);
const RUNS = Array.from({ length: 20 }, (_, run) => run);
const FACTORS = [0.7, 0.85, 1.15, 1.3, 1.4];
const [LOWEST, HIGHEST] = [FACTORS[0], FACTORS[4]];

const profile = loadProfile('ipiv-v1');
const averages = publishedAverages();
const undisturbed = averages(1);
const shortest = averages(LOWEST);
const slopes = averages(HIGHEST).map((longest, row) => (longest - shortest[row]) / (HIGHEST - LOWEST));

function publishedAverages(): (factor: number) => readonly number[] {
  const loaded = loadScenario('scenarios/ipiv-v1.json');
  const cases = loaded.ok ? expandCases(loaded.value, impossibilities) : loaded;
  if (!cases.ok) throw new Error(JSON.stringify(cases.problems));
  const evaluate = profileEvaluator(loadInterpreter(), cases.value.map(({ options }) => options).filter(isProgramCase));
  return (factor) => evaluate(profile, factor);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const variance = (values: readonly number[]): number => {
  const average = mean(values);
  return values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (values.length - 1);
};

/** The samples of 20 runs of each case under a seed, by the linear response of the machine. */
function columns(seed: number): number[][] {
  const factors = RUNS.map((run) => drawPlacement(profile, runSeed(seed, run)).lineFactor);
  return slopes.map((slope, row) => factors.map((factor) => undisturbed[row] + slope * (factor - 1)));
}

describe('the response of an average to the draw', () => {
  it.each(FACTORS)('is linear to within a cycle at factor %d', (factor) => {
    averages(factor).forEach((average, row) => {
      expect(Math.abs(average - undisturbed[row] - slopes[row] * (factor - 1))).toBeLessThanOrEqual(1);
    });
  });

  it('is nearly equal in all four cases, as the spread of the published columns is', () => {
    expect(Math.max(...slopes) / Math.min(...slopes)).toBeLessThan(1.01);
  });
});

describe('over 200 seeds', () => {
  it('the pooled standard deviation is 120 +- 15', () => {
    const pooled = Math.sqrt(mean(SEEDS.flatMap((seed) => columns(seed).map(variance))));
    expect(Math.abs(pooled - 120)).toBeLessThanOrEqual(15);
  });

  it('the means of 20 runs lie within two standard errors of the noise-off values for at least 180', () => {
    const within = SEEDS.filter((seed) =>
      columns(seed).every(
        (column, row) => Math.abs(mean(column) - undisturbed[row]) <= 2 * Math.sqrt(variance(column) / RUNS.length),
      ),
    );
    expect(within.length).toBeGreaterThanOrEqual(180);
  });

  it('no draw leaves the range in which the response was measured', () => {
    const factors = SEEDS.flatMap((seed) => RUNS.map((run) => drawPlacement(profile, runSeed(seed, run)).lineFactor));
    expect(Math.min(...factors)).toBeGreaterThan(LOWEST);
    expect(Math.max(...factors)).toBeLessThan(HIGHEST);
  });
});
