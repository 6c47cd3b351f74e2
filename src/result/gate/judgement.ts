/** Holds one metric of a case against its limit. */
import { bootstrapMedian, type Interval } from '../compare/bootstrap.js';
import { FEWEST_FOR_INTERVAL, FEWEST_FOR_TEST, measuredChange } from '../compare/change.js';
import type { MeasuredChange } from '../compare/comparison.js';
import { summarize } from '../statistics.js';
import type { Difference } from './gate-report.js';
import { mostAfter, type Limit } from './limit.js';

/** `open`: the data do not tell. */
export interface Judgement {
  readonly outcome: 'within' | 'over' | 'open';
  readonly difference: Difference;
  /** What keeps it open. */
  readonly reason: string;
}

/** Samples of one metric, and whether they were measured. */
export interface Side {
  readonly samples: readonly number[];
  readonly measured: boolean;
}

/** Judges by means and exactly where a side is emulated, by medians and with a test where both were measured. */
export function judge(limit: Limit, before: Side, after: Side): Judgement[] {
  return [...increase(limit, before, after), ...ceiling(limit, before, after)];
}

function increase(limit: Limit, before: Side, after: Side): Judgement[] {
  const statistic = before.measured && after.measured ? 'median' : 'mean';
  const [was, is] = [before, after].map(({ samples }) => summarize(samples)[statistic]);
  const most = mostAfter(limit, was);
  if (most === undefined) return [];
  const difference = { figure: limit.metric, before: was, after: is, limit: most };
  if (statistic === 'mean') return [exactly(difference, most)];
  const test = measuredChange(before.samples, after.samples);
  return [{ ...measuredIncrease(was, is, most, test), difference: { ...difference, test } }];
}

function exactly(difference: Difference, most: number): Judgement {
  return { outcome: difference.after > most ? 'over' : 'within', difference, reason: '' };
}

/**
 * Where nothing may grow, an increase counts if it is shown at all: two measurements never agree. Otherwise the median
 * decides, and it fails only if the whole interval lies beyond the limit.
 */
function measuredIncrease(was: number, is: number, most: number, test: MeasuredChange): Omit<Judgement, 'difference'> {
  const fewest = Math.min(...test.n);
  if (fewest < FEWEST_FOR_TEST) return { outcome: 'open', reason: tooFew(fewest, FEWEST_FOR_TEST) };
  if (is <= most || (most === was && !test.shown)) return { outcome: 'within', reason: '' };
  if (most === was) return { outcome: 'over', reason: '' };
  if (test.interval === null) return { outcome: 'open', reason: tooFew(fewest, FEWEST_FOR_INTERVAL) };
  const beyond = test.shown && test.interval[0] > (most / was - 1) * 100;
  return beyond ? { outcome: 'over', reason: '' } : { outcome: 'open', reason: STRADDLES };
}

function ceiling({ metric, ceiling: most }: Limit, before: Side, after: Side): Judgement[] {
  if (most === undefined) return [];
  const statistic = after.measured ? 'median' : 'mean';
  const [was, is] = [before, after].map(({ samples }) => summarize(samples)[statistic]);
  const difference = { figure: metric, before: was, after: is, limit: most };
  if (!after.measured) return [exactly(difference, most)];
  const { length } = after.samples;
  if (length < FEWEST_FOR_INTERVAL) {
    return [{ outcome: 'open', difference, reason: tooFew(length, FEWEST_FOR_INTERVAL) }];
  }
  return [measuredCeiling(difference, most, bootstrapMedian(after.samples))];
}

function measuredCeiling(difference: Difference, most: number, interval: Interval): Judgement {
  const shown = { ...difference, interval };
  if (difference.after <= most) return { outcome: 'within', difference: shown, reason: '' };
  if (interval[0] > most) return { outcome: 'over', difference: shown, reason: '' };
  return { outcome: 'open', difference: shown, reason: STRADDLES };
}

const STRADDLES = 'over its limit, but the limit lies within the interval: measure more runs';

function tooFew(fewest: number, needed: number): string {
  return `${fewest} sample${fewest === 1 ? '' : 's'}: at least ${needed} are needed to judge what was measured`;
}
