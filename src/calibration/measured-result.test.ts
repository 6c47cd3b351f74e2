import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { outcome, sampleResult } from '../../test/support/sample-result.js';
import type { SavedResult } from '../result/saved-result.js';
import { measuredTableOf } from './measured-result.js';
import { parseMeasuredTable } from './measured-table.js';

const published = JSON.parse(readFileSync('results/measured/ipiv-v1.json', 'utf8')) as SavedResult;

describe('an imported result', () => {
  it('gives the same table as the CSV that it was imported from', () => {
    const csv = readFileSync('results/measured/ipiv-v1.csv', 'utf8');
    expect(measuredTableOf(published, 'r.json').table).toEqual(parseMeasuredTable(csv, 'ipiv-v1.csv'));
  });

  it.each<[string, SavedResult, string]>([
    ['an emulated result', sampleResult({ runs: 2 }, () => outcome(4000)), 'an emulated result'],
    [
      'a case twice',
      { ...published, cases: [...published.cases, { ...published.cases[1], id: 'with 4 vCPUs' }] },
      'two cases are xapic_on',
    ],
    [
      'a single run',
      { ...published, cases: published.cases.map((each) => ({ ...each, runs: each.runs.slice(0, 1) })) },
      'at least two are needed',
    ],
    ['nothing to fit', { ...published, cases: [] }, 'no case with cycles of workload ipi'],
  ])('is refused with %s', (_, result, message) => {
    expect(() => measuredTableOf(result, 'r.json')).toThrow(message);
  });
});
