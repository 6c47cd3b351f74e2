/** What a run is sampled for, by name; `ipiv-bench list metrics` says what each is. */
export const METRIC_NAMES = [
  'average',
  'inner-average',
  'exits',
  'line-transfers',
  'sender-cycles',
  'target-cycles',
] as const;

export type MetricName = (typeof METRIC_NAMES)[number];
