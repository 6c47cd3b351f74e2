import type { MetricName } from '../metric.js';
import { sourceOf, type SavedResult } from '../saved-result.js';

/** What a gate allows one metric; everything given must hold. */
export interface Limit {
  readonly metric: MetricName;
  /** How much it may grow, as a fraction of the baseline; absent: as much as it likes. */
  readonly maxIncrease?: number;
  /** Growth of up to this much passes, whatever fraction it is. */
  readonly floor?: number;
  /** The most that it may be. */
  readonly ceiling?: number;
}

/** Exact: nothing may change in either direction. Otherwise only the limits count. */
export interface GateRules {
  readonly exact: boolean;
  readonly limits: readonly Limit[];
}

/** Measured figures never repeat; by default they may not be shown to have grown. */
const NO_INCREASE: GateRules = { exact: false, limits: [{ metric: 'average', maxIncrease: 0 }] };
const EXACT: GateRules = { exact: true, limits: [] };

/**
 * The rules of a gate: what the command line asks for, metric by metric before the limits of the scenario. The baseline's
 * scenario comes before the current one, so that no change loosens its own gate.
 */
export function rulesFor(baseline: SavedResult, current: SavedResult, asked: GateRules): GateRules {
  if (asked.exact) return asked;
  const scenario = scenarioLimits(baseline) ?? scenarioLimits(current) ?? [];
  const named = new Set(asked.limits.map(({ metric }) => metric));
  const limits = [...asked.limits, ...scenario.filter(({ metric }) => !named.has(metric))];
  if (limits.length > 0) return { exact: false, limits };
  return [baseline, current].some((result) => sourceOf(result) === 'hardware') ? NO_INCREASE : EXACT;
}

/** The limits that a result's scenario sets; undefined where it sets none. */
export function scenarioLimits({ scenario: { gate } }: SavedResult): readonly Limit[] | undefined {
  if (gate === undefined) return undefined;
  return Object.entries(gate).map(([metric, { maxIncreasePercent, floor, ceiling } = {}]) =>
    mayGrow({
      metric: metric as MetricName,
      ...(maxIncreasePercent === undefined ? {} : { maxIncrease: maxIncreasePercent / 100 }),
      ...(floor === undefined ? {} : { floor }),
      ...(ceiling === undefined ? {} : { ceiling }),
    }),
  );
}

/** A limit without a share allows no growth beyond its floor, unless it is a ceiling and nothing else. */
export function mayGrow(limit: Limit): Limit {
  const isCeilingOnly = limit.ceiling !== undefined && limit.floor === undefined;
  return limit.maxIncrease === undefined && !isCeilingOnly ? { ...limit, maxIncrease: 0 } : limit;
}

/** The largest value that the increase and the floor of a limit allow after `was`; undefined where any may follow. */
export function mostAfter({ maxIncrease, floor = 0 }: Limit, was: number): number | undefined {
  return maxIncrease === undefined ? undefined : Math.max(was * (1 + maxIncrease), was + floor);
}
