import { summarize } from '../statistics.js';
import { bootstrapChange } from './bootstrap.js';
import type { Change, MeasuredChange } from './comparison.js';
import { mannWhitney } from './mann-whitney.js';
import { twoSidedTail } from './normal-tail.js';

/** A difference is shown below this chance of it under equal distributions. */
export const SIGNIFICANCE = 0.05;

/** Fewest samples on each side for a 95% interval of a median. */
export const FEWEST_FOR_INTERVAL = 6;

/** Fewest samples on each side with which the exact test can fall below SIGNIFICANCE. */
export const FEWEST_FOR_TEST = 4;

/** Samples of one metric, and whether they were measured. */
export interface Sampled {
  readonly samples: readonly number[];
  readonly measured: boolean;
}

/** A mean with its standard error, as `perf` gives it. */
export interface MeanWithError {
  readonly mean: number;
  readonly standardError: number;
  readonly n: number;
}

/** How `current` differs from `reference`. Tests and intervals exist only where both sides were measured. */
export function changeOf(reference: Sampled, current: Sampled): Change {
  if (reference.measured && current.measured) return measuredChange(reference.samples, current.samples);
  const [was, is] = [reference, current].map(({ samples }) => summarize(samples).mean);
  return plainChange(was, is, reference.measured, current.measured);
}

/** The same for figures that have no samples. */
export function plainChange(was: number, is: number, wasMeasured: boolean, isMeasured: boolean): Change {
  if (wasMeasured === isMeasured) return { kind: wasMeasured ? 'counted' : 'exact', ...difference(was, is) };
  return { kind: 'model error', ...(wasMeasured ? difference(was, is) : difference(is, was)) };
}

/** Two measured means with known errors. */
export function meanChange(was: MeanWithError, is: MeanWithError): MeasuredChange {
  const error = Math.sqrt(was.standardError * was.standardError + is.standardError * is.standardError);
  const { delta, percent } = difference(was.mean, is.mean);
  const p = error > 0 ? twoSidedTail(delta / error) : Number(delta === 0);
  const half = ((1.96 * error) / was.mean) * 100;
  const interval = percent === null ? null : ([percent - half, percent + half] as const);
  return { kind: 'measured', delta, percent, p, test: 'normal', n: [was.n, is.n], interval, shown: p < SIGNIFICANCE };
}

/** Two measured samples: medians, Mann-Whitney, and an interval where there are enough of them. */
export function measuredChange(was: readonly number[], is: readonly number[]): MeasuredChange {
  const { p, method } = mannWhitney(was, is);
  const enough = Math.min(was.length, is.length) >= FEWEST_FOR_INTERVAL;
  const positive = was.every((value) => value > 0);
  return {
    kind: 'measured',
    ...difference(summarize(was).median, summarize(is).median),
    p,
    test: method === 'exact' ? 'Mann-Whitney, exact' : 'Mann-Whitney, normal approximation',
    n: [was.length, is.length],
    interval: enough && positive ? bootstrapChange(was, is) : null,
    shown: p < SIGNIFICANCE,
  };
}

function difference(was: number, is: number): { delta: number; percent: number | null } {
  const delta = is - was;
  return { delta, percent: delta === 0 ? 0 : was === 0 ? null : (delta / was) * 100 };
}
