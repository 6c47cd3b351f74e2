import { NOT_ARCHITECTURAL, type CaseRecord } from '../result/saved-result.js';
import type { Format } from './format.js';

/** TAP 14: a test per case, not ok where a run failed or none finished; its averages in the description. */
export const tap: Format = {
  render: ({ cases, interrupted }) =>
    tapText(cases.map(caseLine), [
      ...(interrupted ? ['interrupted before all runs were done'] : []),
      ...(cases.some(({ architectural }) => architectural === false) ? [NOT_ARCHITECTURAL] : []),
    ]),
};

function caseLine({ id, runs, failures, summary, exitTables }: CaseRecord): string {
  if (failures.length > 0) return tapLine(false, `${id}: ${failures[0].message}`);
  if (exitTables !== undefined && runs.length === 0) return tapLine(true, `${id}: exits only`);
  if (runs.length === 0 || summary.average === null) return tapLine(false, `${id}: no finished run`);
  const { mean, minimum, maximum, n } = summary.average;
  const spread = n > 1 ? ` (${minimum} to ${maximum} in ${n} runs)` : '';
  return tapLine(true, `${id}: ${mean.toFixed(2)} cycles${spread}`);
}

/** A test line that still lacks its number. */
export function tapLine(ok: boolean, description: string, skip?: string): string {
  const directive = skip === undefined ? '' : ` # SKIP ${escaped(skip)}`;
  return `${ok ? 'ok' : 'not ok'} @ - ${escaped(description)}${directive}`;
}

/** The report: plan, numbered tests, comments. */
export function tapText(lines: readonly string[], comments: readonly string[]): string {
  const tests = lines.map((line, index) => line.replace('@', String(index + 1)));
  return ['TAP version 14', `1..${tests.length}`, ...tests, ...comments.map((text) => `# ${text}`), ''].join('\n');
}

function escaped(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('\\', '\\\\').replaceAll('#', '\\#');
}
