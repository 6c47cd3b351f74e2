import type { GateReport, Row } from '../result/gate/gate-report.js';
import { figureTexts } from './gate-figures.js';
import { headline, isFailure, MOST_ROWS, notedRows, remarks, statusText } from './gate-text.js';

/** GitHub shows no more than ten annotations of a step. */
const MOST_ANNOTATIONS = 10;

/** Workflow commands that GitHub Actions shows beside the change: one per row that is not as it was, failures first. */
export function githubAnnotations({ rows }: GateReport): string {
  const sorted = notedRows(rows).filter(({ status }) => status !== 'same');
  if (sorted.length <= MOST_ANNOTATIONS) return sorted.map(annotation).join('');
  const rest = sorted.length - (MOST_ANNOTATIONS - 1);
  const last = `::${level(sorted[0])} title=gate::${rest} more rows are not as they were: see the step summary\n`;
  return `${sorted
    .slice(0, MOST_ANNOTATIONS - 1)
    .map(annotation)
    .join('')}${last}`;
}

/** Markdown for the summary of a step: the verdict, and a table of all rows with something to say. */
export function githubSummary(report: GateReport, scenario: string): string {
  const rows = notedRows(report.rows);
  const table = ['| row | status | figures |', '| --- | --- | --- |', ...rows.slice(0, MOST_ROWS).map(tableLine)];
  const more = rows.length - MOST_ROWS;
  const lines = [
    `### ${markdown(scenario)}: ${headline(report)}`,
    ...(rows.length === 0 ? [] : ['', ...table]),
    ...(more > 0 ? ['', `and ${more} more rows (gate --junit FILE has all)`] : []),
    ...(remarks(report).length === 0 ? [] : ['', ...remarks(report).map((remark) => `- ${markdown(remark)}`)]),
  ];
  return `${lines.join('\n')}\n\n`;
}

function tableLine(row: Row): string {
  return `| ${markdown(row.id)} | ${statusText(row)} | ${figures(row).map(markdown).join('<br>')} |`;
}

function figures(row: Row): string[] {
  return [...(row.reason === '' ? [] : [row.reason]), ...figureTexts(row)];
}

function markdown(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/[\\`*_[\]|~#]/g, '\\$&')
    .replaceAll(/[\r\n]+/g, ' ');
}

function level(row: Row): 'warning' | 'error' {
  return isFailure(row) ? 'error' : 'warning';
}

function annotation(row: Row): string {
  const title = property(`${row.status}: ${row.id}`);
  return `::${level(row)} title=${title}::${data(figures(row).join('\n'))}\n`;
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
