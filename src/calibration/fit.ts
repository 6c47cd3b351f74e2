/**
 * Fits the free steps of a profile to measured averages.
 *
 * The measured rows are the constraints; inside what they leave open, the prior decides: of all values that reproduce
 * the rows, those with the smallest sum of ((value - suggested) / range)^2. The response of the machine to each step
 * is measured by running it (that step a little dearer, everything else equal), and a few Gauss-Newton steps take care of what is
 * not linear. Values are whole ticks, so that a profile prints exactly.
 */
import { mostCycles, TICKS_PER_CYCLE, type StepName } from '../cost/step.js';
import type { CostProfile, StepCost } from '../cost/profile.js';
import { dot, multiply, rank, solve, transpose } from './linear-algebra.js';

/** Averages of the rows under a profile, noise off; one number per row, in the table's order. */
export type Evaluate = (profile: CostProfile, meshFactor?: number) => readonly number[];

export interface FitOptions {
  /** Measured averages, one per row. */
  readonly targets: readonly number[];
  /** Rows that the fit must not use. */
  readonly heldOut: readonly number[];
  readonly evaluate: Evaluate;
}

export interface Fit {
  readonly profile: CostProfile;
  /** Free steps in profile order. */
  readonly free: readonly StepName[];
  /** Rows x free steps: cycles per cycle. */
  readonly jacobian: readonly (readonly number[])[];
  readonly rank: number;
  /** What the fitted profile gives, row by row (held-out rows included). */
  readonly averages: readonly number[];
  readonly iterations: number;
}

const MOST_ITERATIONS = 8;
/** The fit is done when no row is off by more than this many cycles: spin loops answer in steps of about that size. */
const CLOSE_ENOUGH = 0.5;
/** Responses are measured over this many cycles, so that the steps of the spin loops average out. */
const PROBE = 16;

/** A step more than this many times the width of its range away from it means that the table is of something else. */
const FURTHEST = 4;

/** The data cannot be fitted; the message says why. */
export class FitError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FitError';
  }
}

/** Fits `prior`; the start is the middle of every range. Throws a FitError where no sensible values reproduce the rows. */
export function fit(prior: CostProfile, options: FitOptions): Fit {
  const free = freeSteps(prior);
  const suggested = free.map((name) => prior.steps[name].value);
  const widths = free.map((name) => rangeOf(name, prior.steps[name])[1] - rangeOf(name, prior.steps[name])[0]);
  const middle = free.map((name) => mean(rangeOf(name, prior.steps[name])));
  const rows = options.targets.map((_, row) => row).filter((row) => !options.heldOut.includes(row));

  let values = middle.map(wholeTicks);
  let jacobian = measureJacobian(prior, free, values, options.evaluate);
  let averages = options.evaluate(withValues(prior, free, values));
  let iterations = 0;
  const isOff = (row: number): boolean => Math.abs(averages[row] - options.targets[row]) > CLOSE_ENOUGH;
  while (rows.some(isOff) && iterations < MOST_ITERATIONS) {
    const wanted = rows.map((row) => {
      const shift = dot(
        jacobian[row],
        values.map((value, step) => value - suggested[step]),
      );
      return options.targets[row] - averages[row] + shift;
    });
    values = nearestToPrior(
      rows.map((row) => jacobian[row]),
      wanted,
      suggested,
      widths,
    );
    free.forEach((name, step) => checkPlausible(name, values[step], rangeOf(name, prior.steps[name])));
    if (iterations === 0) jacobian = measureJacobian(prior, free, values, options.evaluate);
    averages = options.evaluate(withValues(prior, free, values));
    iterations++;
  }
  const profile = withValues(prior, free, values);
  return {
    profile,
    free,
    jacobian,
    rank: rank(rows.map((row) => jacobian[row])),
    averages,
    iterations,
  };
}

/** How often a fit that converges at its second step evaluates a profile; `calibrate` adds one for the noise. */
export function usualEvaluations(prior: CostProfile): number {
  const jacobian = freeSteps(prior).length + 1;
  return 1 + 2 * jacobian + 2;
}

function freeSteps(profile: CostProfile): StepName[] {
  return (Object.keys(profile.steps) as StepName[]).filter((name) => profile.steps[name].group !== undefined);
}

function rangeOf(name: StepName, step: StepCost): readonly [number, number] {
  if (step.range === undefined) throw new RangeError(`step ${name} is in a free group but has no range`);
  return step.range;
}

/** Before the machine is run with it: with a huge value that takes hours, with a negative one it means nothing. */
function checkPlausible(name: StepName, value: number, [low, high]: readonly [number, number]): void {
  const slack = FURTHEST * (high - low);
  if (value >= 0 && value >= low - slack && value <= Math.min(high + slack, mostCycles(name))) return;
  const needed = `${name} would have to be ${value.toFixed(0)} cycles, its range is ${low} to ${high}`;
  throw new FitError(`no plausible costs reproduce these averages: ${needed}`);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function wholeTicks(cycles: number): number {
  return Math.round(cycles * TICKS_PER_CYCLE) / TICKS_PER_CYCLE;
}

function withValues(prior: CostProfile, free: readonly StepName[], values: readonly number[]): CostProfile {
  const steps = { ...prior.steps };
  free.forEach((name, index) => {
    steps[name] = { ...steps[name], value: values[index] };
  });
  return { ...prior, steps };
}

/** Each free step dearer by the probe, and what that does to every row, per cycle. */
function measureJacobian(
  prior: CostProfile,
  free: readonly StepName[],
  values: readonly number[],
  evaluate: Evaluate,
): number[][] {
  const base = evaluate(withValues(prior, free, values));
  const columns = free.map((_, step) => {
    const bumped = evaluate(
      withValues(
        prior,
        free,
        values.map((value, index) => (index === step ? value + PROBE : value)),
      ),
    );
    return bumped.map((average, row) => (average - base[row]) / PROBE);
  });
  return transpose(columns);
}

/** The values nearest to the prior with jacobian x (values - suggested) = wanted: the minimum-norm solution. */
function nearestToPrior(
  jacobian: readonly (readonly number[])[],
  wanted: readonly number[],
  suggested: readonly number[],
  widths: readonly number[],
): number[] {
  const weighted = jacobian.map((row) => row.map((value, step) => value * widths[step] ** 2));
  const multipliers = solve(multiply(weighted, transpose(jacobian)), wanted);
  if (multipliers === null) throw new FitError('the rows do not determine the group sums: the fit is singular');
  return suggested.map((value, step) => {
    const pull = dot(
      multipliers,
      weighted.map((row) => row[step]),
    );
    return wholeTicks(value + pull);
  });
}
