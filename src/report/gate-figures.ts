import { METRICS } from '../result/metric.js';
import type { Difference, Row } from '../result/gate/gate-report.js';
import { evidenceText, percentText } from './comparison/wording.js';

/** Nobody reads sixty figures of a row to find the one that matters. */
const MOST_FIGURES = 10;

/** The figures of a row; of very many the metrics and what moved most, and how many more there are. */
export function figureTexts({ differences }: Row): string[] {
  const more = differences.length - MOST_FIGURES;
  const shown = more > 0 ? [...differences].sort(byImportance).slice(0, MOST_FIGURES) : differences;
  const rest = more > 0 ? [`and ${more} more figures (gate --junit FILE has all)`] : [];
  return [...shown.map(differenceText), ...rest];
}

/** Metrics in their order, then by how much of itself a figure moved. */
function byImportance(one: Difference, other: Difference): number {
  return rank(one) - rank(other) || share(other) - share(one);
}

function rank({ figure }: Difference): number {
  const metric = Object.keys(METRICS).indexOf(figure);
  return metric < 0 ? Object.keys(METRICS).length : metric;
}

function share({ before, after }: Difference): number {
  return before === 0 ? Number.MAX_VALUE : Math.abs((after - before) / before);
}

/** `average 4713.1 -> 4714.1 (+1, +0.02%)`, with the limit, the test and the interval where there are any. */
export function differenceText({ figure, before, after, limit, test, interval }: Difference): string {
  const change = after - before;
  const sign = change > 0 ? '+' : '';
  const relative = before === 0 ? '' : `, ${percentText((change / before) * 100)}`;
  const most = limit === undefined ? '' : `, limit ${figureText(limit)}`;
  const evidence = test === undefined ? '' : `, ${evidenceText(test)}`;
  const range = interval === undefined ? '' : `, 95% interval [${interval.map(figureText).join(', ')}]`;
  const moved = `${figureText(before)} -> ${figureText(after)} (${sign}${figureText(change)}${relative})`;
  return `${figure} ${moved}${most}${evidence}${range}`;
}

/** At most six decimals, none that say nothing. */
function figureText(value: number): string {
  return String(Number(value.toFixed(6)));
}
