import type { GateReport, Row } from '../result/gate/gate-report.js';
import { figureTexts } from './gate-figures.js';
import { limitText } from './limit-text.js';
import type { Style } from './style.js';

/** Nobody reads more rows than this; the step summary of GitHub must stay below a mebibyte. */
export const MOST_ROWS = 100;

/** The verdict first, then every row with something to say, then the rules and what else differs. */
export function gateText(report: GateReport, style: Style): string {
  const colour = report.verdict === 'passed' ? style.better : style.worse;
  const notes = remarks(report).map((note) => `${style.faint(note)}\n`);
  return `${colour(headline(report))}\n${rowsText(report, style)}${notes.join('')}`;
}

/** Every row that is not as it was, or that was measured, with its figures: the first of very many. */
export function rowsText({ rows }: GateReport, style: Style): string {
  const noted = notedRows(rows);
  const more = noted.length - MOST_ROWS;
  const lines = noted.slice(0, MOST_ROWS).flatMap((row) => rowLines(row, style));
  if (more > 0) lines.push(`and ${more} more rows (gate --junit FILE has all)`);
  return lines.map((line) => `${line}\n`).join('');
}

/** Rows with something to say, those that fail first. */
export function notedRows(rows: readonly Row[]): readonly Row[] {
  const noted = rows.filter(({ status, differences }) => status !== 'same' || differences.length > 0);
  return [...noted.filter(isFailure), ...noted.filter((row) => !isFailure(row))];
}

/** The gate fails for such a row. */
export function isFailure({ status }: Row): boolean {
  return status === 'moved' || status === 'over limit' || status === 'missing';
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
  const { id, reason } = row;
  const heading = `${style.strong(statusText(row))}: ${id}${reason === '' ? '' : `: ${reason}`}`;
  return [heading, ...figureTexts(row).map((text) => `  ${text}`)];
}

/** A row that is the same, but was measured, is within its limits. */
export function statusText({ status, differences }: Row): string {
  return status === 'same' && differences.length > 0 ? 'within limits' : status;
}
