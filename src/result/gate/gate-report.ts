import type { Interval } from '../compare/bootstrap.js';
import type { MeasuredChange } from '../compare/comparison.js';
import type { GateRules } from './limit.js';

/** What a gate found, row by row: rows are the cases of the baseline. */
export interface GateReport {
  readonly verdict: 'passed' | 'failed' | 'inconclusive';
  readonly rules: GateRules;
  readonly rows: readonly Row[];
  /** Why the baseline is as it is, in the words of who set it; null where nobody said. */
  readonly baselineReason: string | null;
  /** What differs between the two results without being a reason, and how they were compared. */
  readonly notes: readonly string[];
}

export interface Row {
  readonly id: string;
  readonly status: 'same' | 'moved' | 'over limit' | 'missing' | 'inconclusive';
  /** What moved, or is over its limit; of measured figures, also what holds. */
  readonly differences: readonly Difference[];
  /** Why the row is missing or inconclusive. */
  readonly reason: string;
}

/** A figure before and after. Figures are per iteration. */
export interface Difference {
  readonly figure: string;
  readonly before: number;
  readonly after: number;
  /** The most that it may be, where a limit was given. */
  readonly limit?: number;
  /** The test behind it, where both sides were measured: before and after are medians. */
  readonly test?: MeasuredChange;
  /** 95% interval of `after`, where a measured figure stands before a ceiling. */
  readonly interval?: Interval;
}
