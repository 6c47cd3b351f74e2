import type { GateReport, Row } from '../result/gate/gate-report.js';
import { differenceText } from './gate-figures.js';
import { isFailure, remarks, statusText } from './gate-text.js';

/** A JUnit file with one test case per row, for CI servers. */
export function junit(report: GateReport, scenario: string): string {
  const { rows } = report;
  const failures = rows.filter(isFailure).length;
  const skipped = rows.filter(({ status }) => status === 'inconclusive').length;
  const suite = `name="${escaped(scenario)}" tests="${rows.length}" failures="${failures}" skipped="${skipped}"`;
  const cases = rows.map((row) => `    ${testCase(row, scenario)}\n`).join('');
  const output = `    <system-out>${escaped(remarks(report).join('\n'))}</system-out>\n`;
  const body = `${cases}${remarks(report).length === 0 ? '' : output}`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n  <testsuite ${suite}>\n${body}  </testsuite>\n</testsuites>\n`;
}

function testCase(row: Row, scenario: string): string {
  const { id, status, reason, differences } = row;
  const head = `<testcase classname="${escaped(scenario)}" name="${escaped(id)}"`;
  const text = escaped([reason, ...differences.map(differenceText)].filter((line) => line !== '').join('\n'));
  if (status === 'same') return text === '' ? `${head}/>` : `${head}><system-out>${text}</system-out></testcase>`;
  if (!isFailure(row)) return `${head}><skipped message="${text}"/></testcase>`;
  return `${head}><failure message="${statusText(row)}">${text}</failure></testcase>`;
}

/** XML takes no control characters, however they are written. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\P{Cc}]|[\uFFFE\uFFFF]/gu, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
