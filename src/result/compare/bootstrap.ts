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
  const seed = Number.parseInt(digestOf([before, after]).slice('sha256:'.length, 'sha256:'.length + 8), 16);
  const generator = xoroshiro128plus(seed | 0);
  const draw = (n: number): number => uniformInt(generator, 0, n - 1);
  const [was, is] = [before.toSorted((a, b) => a - b), after.toSorted((a, b) => a - b)];
  const affordable = Math.floor(MOST_DRAWS / (was.length + is.length));
  const resamples = Math.max(FEWEST_RESAMPLES, Math.min(MOST_RESAMPLES, affordable));
  const changes = Array.from({ length: resamples }, () => {
    const reference = resampledMedian(was, draw);
    return ((resampledMedian(is, draw) - reference) / reference) * 100;
  });
  changes.sort((a, b) => a - b);
  return [changes[Math.floor(resamples * OUTSIDE)], changes[Math.ceil(resamples * (1 - OUTSIDE)) - 1]];
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
