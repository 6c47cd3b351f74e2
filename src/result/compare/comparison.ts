import type { MetricName } from '../metric.js';
import type { MachineDescription } from '../saved-result.js';
import type { Interval } from './bootstrap.js';

/** Version of the JSON form. */
export const COMPARISON_SCHEMA_VERSION = 1;

/** Several saved results side by side, row by row: a row is a case, or a figure of one. */
export interface Comparison {
  readonly kind: 'ipiv-bench-comparison';
  readonly schemaVersion: typeof COMPARISON_SCHEMA_VERSION;
  readonly results: readonly ComparedResult[];
  /** Index of the result that all others are compared with. */
  readonly reference: number;
  readonly tables: readonly ComparedTable[];
  /** Cases that are not in every result, and the results that have them. */
  readonly partnerless: readonly { readonly id: string; readonly results: readonly string[] }[];
  readonly notes: readonly string[];
}

export interface ComparedResult {
  readonly name: string;
  readonly source: 'emulated' | 'hardware';
  readonly digest: string;
  readonly toolVersion: string;
  readonly machine: MachineDescription | null;
}

export interface ComparedTable {
  readonly title: string;
  readonly metric: MetricName | null;
  readonly unit: string;
  /** What the values of a column are: one word per result. */
  readonly statistics: readonly ('mean' | 'median' | 'figure')[];
  readonly rows: readonly ComparedRow[];
  /** Rows left out because nothing in them differs. */
  readonly unchanged: number;
  /** Geometric mean of the changes over the rows that a result and the reference have in common, in percent. */
  readonly geometricMeans: readonly (GeometricMean | null)[] | null;
}

export interface GeometricMean {
  readonly percent: number;
  readonly rows: number;
}

export interface ComparedRow {
  readonly id: string;
  /** What of the case the row shows, where it is not the case as a whole. */
  readonly figure: string | null;
  /** One per result; null where it has no such value. */
  readonly cells: readonly (ComparedCell | null)[];
}

export interface ComparedCell {
  readonly value: number;
  /** Samples behind it. */
  readonly n: number;
  /** Against the reference; null in the reference itself and where that has no value. */
  readonly change: Change | null;
}

/**
 * How a value differs from the reference. `exact`: both emulated. `model error`: emulated minus measured, whichever of
 * the two is the reference. `measured`: both measured, with a test. `counted`: both measured, without one.
 */
export type Change =
  | { readonly kind: 'exact' | 'model error' | 'counted'; readonly delta: number; readonly percent: number | null }
  | MeasuredChange;

export interface MeasuredChange {
  readonly kind: 'measured';
  readonly delta: number;
  readonly percent: number | null;
  readonly p: number;
  readonly test: 'Mann-Whitney, exact' | 'Mann-Whitney, normal approximation' | 'normal';
  /** Samples of the reference and of the other side. */
  readonly n: readonly [number, number];
  /** 95% interval of `percent`; null where there are too few samples for one. */
  readonly interval: Interval | null;
  /** Whether a difference is shown at all: p below 0.05. */
  readonly shown: boolean;
}
