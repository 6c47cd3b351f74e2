import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { digestOf } from '../digest.js';

/** Lower and upper end. */
export type Interval = readonly [number, number];

/** Fewer where samples are so many that their median hardly varies. */
const MOST_RESAMPLES = 2000;
const FEWEST_RESAMPLES = 200;
const MOST_DRAWS = 4e7;
/** Share of the resamples outside the interval, on each side. */
const OUTSIDE = 0.025;

/**
 * 95% percentile-bootstrap interval of the change of the median from `before` to `after`, in percent. The resamples are
 * seeded by the data's digest: equal data give equal intervals.
 */
export function bootstrapChange(before: readonly number[], after: readonly number[]): Interval {
  return bootstrap([before, after], ([was, is]) => ((is - was) / was) * 100);
}

/** 95% percentile-bootstrap interval of a median, seeded likewise. */
export function bootstrapMedian(samples: readonly number[]): Interval {
  return bootstrap([samples], ([median]) => median);
}

function bootstrap(all: readonly (readonly number[])[], statistic: (medians: readonly number[]) => number): Interval {
  const seed = Number.parseInt(digestOf(all).slice('sha256:'.length, 'sha256:'.length + 8), 16);
  const generator = xoroshiro128plus(seed | 0);
  const draw = (n: number): number => uniformInt(generator, 0, n - 1);
  const sorted = all.map((samples) => samples.toSorted((a, b) => a - b));
  const affordable = Math.floor(MOST_DRAWS / sorted.reduce((sum, { length }) => sum + length, 0));
  const resamples = Math.max(FEWEST_RESAMPLES, Math.min(MOST_RESAMPLES, affordable));
  const values = Array.from({ length: resamples }, () => statistic(sorted.map((each) => resampledMedian(each, draw))));
  values.sort((a, b) => a - b);
  return [values[Math.floor(resamples * OUTSIDE)], values[Math.ceil(resamples * (1 - OUTSIDE)) - 1]];
}

/** Median of n draws with replacement from n sorted values: the draws are counted, so that nothing is sorted again. */
function resampledMedian(sorted: readonly number[], draw: (n: number) => number): number {
  const n = sorted.length;
  const counts = new Uint32Array(n);
  for (let each = 0; each < n; each++) counts[draw(n)]++;
  return (orderStatistic(sorted, counts, (n - 1) >> 1) + orderStatistic(sorted, counts, n >> 1)) / 2;
}

function orderStatistic(sorted: readonly number[], counts: Uint32Array, index: number): number {
  let at = 0;
  for (let seen = counts[0]; seen <= index; seen += counts[at]) at++;
  return sorted[at];
}
