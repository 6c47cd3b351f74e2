import { describe, expect, it } from 'vitest';
import { outcome, sampleResult } from '../../test/support/sample-result.js';
import { caseRecord, type SavedResult } from '../result/saved-result.js';
import { bmf } from './bmf.js';
import { styleFor } from './style.js';
import { tap } from './tap.js';
import { tsv } from './tsv.js';

const plain = styleFor(false);
const result = sampleResult({ ipiv: [false, true], runs: 2 }, ({ settings }, run) =>
  outcome((settings['ipiv'] === true ? 3000 : 4000) + 10 * run),
);

function withFailure({ cases, ...rest }: SavedResult): SavedResult {
  const [first, ...others] = cases;
  const failure = { run: 1, message: 'triple fault # at once', cycles: 7, details: [] };
  return { ...rest, cases: [caseRecord(first, [failure]), ...others] };
}

describe('tsv', () => {
  it('has a header and a line per run, all equally long', () => {
    const lines = tsv.render(result, plain).trimEnd().split('\n');
    expect(lines).toHaveLength(5);
    expect(new Set(lines.map((line) => line.split('\t').length)).size).toBe(1);
    expect(lines[2]).toContain('\t4010\t');
  });
});

describe('tap', () => {
  it('has a test per case', () => {
    expect(tap.render(result, plain).split('\n')).toEqual([
      'TAP version 14',
      '1..2',
      expect.stringMatching(/^ok 1 - workload=ipi .* ipiv=off .*: 4005\.00 cycles \(4000 to 4010 in 2 runs\)$/),
      expect.stringMatching(/^ok 2 - workload=ipi .* ipiv=on .*: 3005\.00 cycles \(3000 to 3010 in 2 runs\)$/),
      '',
    ]);
  });

  it('fails where a run failed, with the reason free of directives', () => {
    expect(tap.render(withFailure(result), plain)).toMatch(/^not ok 1 - .*: triple fault \\# at once$/m);
  });
});

describe('bmf', () => {
  it('has a figure with bounds per case and metric', () => {
    const content = JSON.parse(bmf.render(result, plain)) as Record<string, Record<string, unknown>>;
    expect(Object.keys(content)).toEqual(result.cases.map(({ id }) => id));
    expect(content[result.cases[1].id]['average']).toEqual({ value: 3005, lower_value: 3000, upper_value: 3010 });
  });

  it('leaves out what a case has not', () => {
    const { cases } = withFailure(result);
    expect(Object.keys(JSON.parse(bmf.render({ ...result, cases }, plain)) as object)).toHaveLength(1);
  });
});
