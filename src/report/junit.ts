import type { GateReport, Row } from '../result/gate/gate.js';
import { differenceText } from './gate-text.js';

/** A JUnit file with one test case per row, for CI servers. */
export function junit({ rows }: GateReport, scenario: string): string {
  const failures = rows.filter(isFailure).length;
  const skipped = rows.filter(({ status }) => status === 'inconclusive').length;
  const suite = `name="${escaped(scenario)}" tests="${rows.length}" failures="${failures}" skipped="${skipped}"`;
  const cases = rows.map((row) => `    ${testCase(row, scenario)}\n`).join('');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n  <testsuite ${suite}>\n${cases}  </testsuite>\n</testsuites>\n`;
}

function testCase(row: Row, scenario: string): string {
  const { id, status, reason, differences } = row;
  const head = `<testcase classname="${escaped(scenario)}" name="${escaped(id)}"`;
  if (status === 'same') return `${head}/>`;
  const text = escaped([reason, ...differences.map(differenceText)].filter((line) => line !== '').join('\n'));
  if (!isFailure(row)) return `${head}><skipped message="${text}"/></testcase>`;
  return `${head}><failure message="${status}">${text}</failure></testcase>`;
}

function isFailure({ status }: Row): boolean {
  return status === 'moved' || status === 'over limit' || status === 'missing';
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
