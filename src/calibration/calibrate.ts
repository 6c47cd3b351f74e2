/** `ipiv-bench calibrate`: a measured table in, a fitted profile and an honest account of it out. */
import { MOST_NOISE } from '../cost/profile-schema.js';
import type { CostProfile } from '../cost/profile.js';
import type { StepName } from '../cost/step.js';
import { fit, FitError, type Evaluate, type Fit } from './fit.js';
import type { MeasuredTable } from './measured-table.js';

export interface CalibrationOptions {
  readonly prior: CostProfile;
  /** Name and description of the profile to make. */
  readonly name: string;
  readonly description: string;
  /** Columns of the table that the fit must not see. */
  readonly holdout: readonly string[];
  readonly evaluate: Evaluate;
}

export interface CalibratedRow {
  readonly name: string;
  readonly measured: number;
  readonly standardError: number;
  readonly model: number;
  readonly heldOut: boolean;
}

/** A free group: its steps, and what its sum moved from the prior to the fit. */
export interface CalibratedGroup {
  readonly name: string;
  readonly description: string;
  readonly steps: readonly CalibratedStep[];
}

export interface CalibratedStep {
  readonly name: StepName;
  readonly suggested: number;
  readonly fitted: number;
  readonly range: readonly [number, number];
  readonly insideRange: boolean;
  /** Cycles per cycle in each row: how the data see this step. */
  readonly response: readonly number[];
}

export interface CalibrationReport {
  readonly profile: CostProfile;
  readonly rows: readonly CalibratedRow[];
  readonly groups: readonly CalibratedGroup[];
  readonly rank: number;
  readonly freeSteps: number;
  /** Sets of steps with the same response in every row: the data fix their sum, the prior alone splits it. */
  readonly indistinguishable: readonly (readonly StepName[])[];
  readonly iterations: number;
  /** Pooled standard deviation of the measured columns, cycles. */
  readonly pooledDeviation: number;
}

/** A longer mesh by this much measures how the rows respond to placement. */
const MESH_PROBE = 1.125;
const NOISE_DIGITS = 1e4;

export function calibrate(table: MeasuredTable, options: CalibrationOptions): CalibrationReport {
  const { columns } = table;
  const fitted = fit(options.prior, {
    targets: columns.map((column) => column.mean),
    heldOut: columns.flatMap((column, row) => (options.holdout.includes(column.name) ? [row] : [])),
    evaluate: options.evaluate,
  });
  const pooledDeviation = Math.sqrt(columns.reduce((sum, column) => sum + column.variance, 0) / columns.length);
  return {
    profile: finishProfile(fitted, options, pooledDeviation),
    rows: columns.map((column, row) => ({
      name: column.name,
      measured: column.mean,
      standardError: Math.sqrt(column.variance / column.samples.length),
      model: fitted.averages[row],
      heldOut: options.holdout.includes(column.name),
    })),
    groups: groupsOf(fitted, options.prior),
    rank: fitted.rank,
    freeSteps: fitted.free.length,
    indistinguishable: indistinguishable(fitted),
    iterations: fitted.iterations,
    pooledDeviation,
  };
}

function finishProfile(fitted: Fit, options: CalibrationOptions, pooledDeviation: number): CostProfile {
  const steps = { ...fitted.profile.steps };
  for (const name of fitted.free) {
    steps[name] = { ...steps[name], source: 'fitted', suggested: options.prior.steps[name].value };
  }
  const stretched = options.evaluate(fitted.profile, MESH_PROBE);
  const slopes = stretched.map((average, row) => (average - fitted.averages[row]) / (MESH_PROBE - 1));
  const slope = slopes.reduce((sum, value) => sum + value, 0) / slopes.length;
  const value = Math.round((pooledDeviation / slope) * NOISE_DIGITS) / NOISE_DIGITS;
  if (!(value >= 0 && value <= MOST_NOISE)) {
    const spread = `the runs differ by ${pooledDeviation.toFixed(0)} cycles (pooled standard deviation)`;
    throw new FitError(`${spread}: more than placement can explain`);
  }
  const { name, description } = options;
  return { ...fitted.profile, name, description, steps, noise: { ...fitted.profile.noise, value, source: 'fitted' } };
}

function groupsOf(fitted: Fit, prior: CostProfile): CalibratedGroup[] {
  return Object.entries(prior.groups).map(([name, description]) => ({
    name,
    description,
    steps: fitted.free
      .filter((step) => prior.steps[step].group === name)
      .map((step) => calibratedStep(fitted, prior, step)),
  }));
}

function calibratedStep(fitted: Fit, prior: CostProfile, name: StepName): CalibratedStep {
  const { value: suggested, range = [suggested, suggested] } = prior.steps[name];
  const value = fitted.profile.steps[name].value;
  return {
    name,
    suggested,
    fitted: value,
    range,
    insideRange: value >= range[0] && value <= range[1],
    response: responseOf(fitted, name),
  };
}

function responseOf(fitted: Fit, name: StepName): number[] {
  const column = fitted.free.indexOf(name);
  return fitted.jacobian.map((row) => row[column]);
}

/**
 * Responses are compared up to a factor, so that a step that is charged twice is found beside one charged once, and to
 * one digit: the steps of the spin loops blur the rest.
 */
function indistinguishable(fitted: Fit): StepName[][] {
  const sets = new Map<string, StepName[]>();
  for (const name of fitted.free) {
    const response = responseOf(fitted, name);
    const largest = Math.max(...response.map(Math.abs));
    const key = response.map((value) => (largest === 0 ? 0 : Math.round((value / largest) * 10) + 0)).join(' ');
    sets.set(key, [...(sets.get(key) ?? []), name]);
  }
  return [...sets.values()].filter((set) => set.length > 1);
}
