/** Summary of the samples of one metric. */
export interface Summary {
  readonly n: number;
  readonly mean: number;
  /** Sample standard deviation (n - 1); 0 for a single sample. */
  readonly standardDeviation: number;
  readonly minimum: number;
  readonly median: number;
  readonly maximum: number;
}

/** Summarizes at least one sample. */
export function summarize(samples: readonly number[]): Summary {
  const n = samples.length;
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / n;
  const squares = samples.reduce((sum, sample) => sum + (sample - mean) * (sample - mean), 0);
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    n,
    mean,
    standardDeviation: n < 2 ? 0 : Math.sqrt(squares / (n - 1)),
    minimum: sorted[0],
    median: (sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2,
    maximum: sorted[n - 1],
  };
}
