import type { MetricName } from '../result/metric.js';
import type { SavedResult } from '../result/saved-result.js';
import type { Format } from './format.js';

/** A figure with its bounds, as Bencher takes it. */
export interface BmfMeasure {
  readonly value: number;
  readonly lower_value?: number;
  readonly upper_value?: number;
}

/** Bencher Metric Format: benchmark, measure, figure. */
export type Bmf = Record<string, Record<string, BmfMeasure>>;

/** The means of every case, with the smallest and the largest sample as bounds. */
export const bmf: Format = { render: (result) => bmfText(benchmarks(result)) };

function benchmarks({ cases }: SavedResult): Bmf {
  const named = cases.flatMap(({ id, summary }) => {
    const measures = (Object.keys(summary) as MetricName[]).flatMap((metric) => {
      const figures = summary[metric];
      if (figures === null) return [];
      const { mean: value, minimum: lower_value, maximum: upper_value } = figures;
      return [[metric, { value, lower_value, upper_value }] as const];
    });
    return measures.length === 0 ? [] : [[id, Object.fromEntries(measures)] as const];
  });
  return Object.fromEntries(named);
}

/** The text of a file in this format. */
export function bmfText(content: Bmf): string {
  return `${JSON.stringify(content, null, 1)}\n`;
}
