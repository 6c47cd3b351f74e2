import { idTokens } from '../../result/compare/align.js';
import type {
  Change,
  ComparedRow,
  ComparedTable,
  Comparison,
  MeasuredChange,
} from '../../result/compare/comparison.js';

/** `base`, `lab1 (hardware)`, with the statistic of the column where it has one. */
export function columnName({ results, reference }: Comparison, { statistics }: ComparedTable, index: number): string {
  const { name, source } = results[index];
  const remarks = [
    ...(index === reference ? ['reference'] : []),
    source,
    ...(statistics[index] === 'figure' ? [] : [statistics[index]]),
  ];
  return `${name} (${remarks.join(', ')})`;
}

/** What the ids of all rows share, and what is left of each. */
export function shortIds(rows: readonly ComparedRow[]): { common: string; short: (row: ComparedRow) => string } {
  const all = [...new Set(rows.map(({ id }) => id))].map(idTokens);
  const common = (all.at(0) ?? []).filter((token) => all.every((tokens) => tokens.includes(token)));
  const isOnly = all.length === 1;
  const rest = ({ id }: ComparedRow): string =>
    isOnly
      ? ''
      : idTokens(id)
          .filter((token) => !common.includes(token))
          .join(' ');
  const short = (row: ComparedRow): string => [rest(row), row.figure ?? ''].filter((part) => part !== '').join(': ');
  return { common: common.join(' '), short: (row) => short(row) || 'the only case' };
}

/** A change in a few words. */
export function changeText(change: Change): string {
  if (change.kind === 'measured') return measuredText(change);
  if (change.delta === 0) return change.kind === 'model error' ? 'model error 0' : 'same';
  const { delta, percent, kind } = change;
  const relative = percent === null ? '' : ` (${percentText(percent)})`;
  const text = `${signed(delta)}${relative}`;
  return kind === 'exact' ? text : kind === 'counted' ? `${text} counted` : `model error ${text}`;
}

function measuredText(change: MeasuredChange): string {
  const { percent, shown } = change;
  if (!shown) return evidenceText(change);
  return `${percent === null ? 'differs' : percentText(percent)} ${evidenceText(change)}`;
}

/** `[+1.20%, +3.40%] (p=0.002 n=6+6)`, or `~ (p=0.310 n=6+6)` where no difference is shown. */
export function evidenceText({ p, n, interval, shown }: MeasuredChange): string {
  const test = `(${chanceText(p)} n=${n[0]}+${n[1]})`;
  if (!shown) return `~ ${test}`;
  return interval === null ? test : `[${interval.map(percentText).join(', ')}] ${test}`;
}

/** Three decimals, or the order of magnitude, as far down as the tail of the distribution is computed well. */
function chanceText(p: number): string {
  if (p < 1e-15) return 'p<1e-15';
  return `p=${p < 0.001 ? p.toExponential(0) : p.toFixed(3)}`;
}

/** More cycles and more exits are worse; a model error is neither, and neither is what no test shows. */
export function verdictOf(change: Change): 'same' | 'better' | 'worse' | 'not shown' | 'model error' {
  if (change.kind === 'model error') return 'model error';
  if (change.kind === 'counted' || (change.kind === 'measured' && !change.shown)) return 'not shown';
  if (change.delta === 0) return 'same';
  return change.delta < 0 ? 'better' : 'worse';
}

/** A signed percentage with two decimals. */
export function percentText(percent: number): string {
  return `${percent > 0 ? '+' : ''}${percent.toFixed(2)}%`;
}

/** Two decimals; more, where two would say 0. */
export function valueText(value: number): string {
  return value !== 0 && Math.abs(value) < 0.005 ? String(Number(value.toPrecision(3))) : value.toFixed(2);
}

function signed(value: number): string {
  return `${value > 0 ? '+' : ''}${valueText(value)}`;
}

/** `-3.20% over 4 rows` */
export function geometricMeanText(mean: NonNullable<ComparedTable['geometricMeans']>[number]): string {
  return mean === null ? '' : `${percentText(mean.percent)} over ${mean.rows} row${mean.rows === 1 ? '' : 's'}`;
}

/** Rows without a partner, in words. */
export function partnerlessLines({ partnerless }: Comparison): string[] {
  return partnerless.map(({ id, results }) => `${id} (${results.join(', ')})`);
}
