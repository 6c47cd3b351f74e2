import type { Difference, GateReport, Row } from '../result/gate/gate-report.js';
import { limitText } from './limit-text.js';
import { evidenceText, percentText } from './comparison/wording.js';
import type { Style } from './style.js';

/** The verdict first, then every row with something to say, then the rules and what else differs. */
export function gateText(report: GateReport, style: Style): string {
  const colour = report.verdict === 'passed' ? style.better : style.worse;
  const notes = remarks(report).map((note) => `${style.faint(note)}\n`);
  return `${colour(headline(report))}\n${rowsText(report, style)}${notes.join('')}`;
}

/** Every row that is not as it was, or that was measured, with its figures. */
export function rowsText({ rows }: GateReport, style: Style): string {
  const noted = rows.filter(({ status, differences }) => status !== 'same' || differences.length > 0);
  return noted.flatMap((row) => rowLines(row, style).map((line) => `${line}\n`)).join('');
}

/** `gate passed: 2 of 2 rows unchanged or within limits` */
export function headline({ verdict, rows }: GateReport): string {
  const same = rows.filter(({ status }) => status === 'same').length;
  return `gate ${verdict}: ${same} of ${rows.length} rows unchanged or within limits`;
}

/** The rules that were not the exact ones, the baseline's reason, and notes. */
export function remarks({ rules, baselineReason, notes }: GateReport): string[] {
  return [
    ...(rules.limits.length === 0 ? [] : [`limits: ${rules.limits.map(limitText).join('; ')}`]),
    ...(baselineReason === null ? [] : [`baseline: ${baselineReason}`]),
    ...notes.map((note) => `note: ${note}`),
  ];
}

function rowLines(row: Row, style: Style): string[] {
  const { id, reason, differences } = row;
  const heading = `${style.strong(statusText(row))}: ${id}${reason === '' ? '' : `: ${reason}`}`;
  return [heading, ...differences.map((difference) => `  ${differenceText(difference)}`)];
}

/** A row that is the same, but was measured, is within its limits. */
export function statusText({ status, differences }: Row): string {
  return status === 'same' && differences.length > 0 ? 'within limits' : status;
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
export function figureText(value: number): string {
  return String(Number(value.toFixed(6)));
}
