import { describe, expect, it } from 'vitest';
import { outcome, sampleResult } from '../../../test/support/sample-result.js';
import type { SavedResult } from '../saved-result.js';
import { gate } from './gate.js';
import type { GateReport } from './gate-report.js';
import { rulesFor, type Limit } from './limit.js';

/** A result of a machine that took these cycles, run by run. */
function measured(...averages: readonly number[]): SavedResult {
  const result = sampleResult({ runs: averages.length, noise: 'off' }, (_, index) => outcome(averages[index]));
  return { ...result, source: 'hardware' };
}

const emulated = (average: number) => sampleResult({ runs: 3, noise: 'off' }, () => outcome(average));
const spread = (centre: number) => measured(...[-3, -2, -1, 1, 2, 3].map((each) => centre + 10 * each));

function judged(before: SavedResult, after: SavedResult, ...limits: readonly Limit[]): GateReport {
  return gate(before, after, rulesFor(before, after, { exact: false, limits }));
}

describe('measured against measured', () => {
  it('passes, without limits, what is not shown to be slower', () => {
    const report = judged(spread(4000), spread(4015));
    expect(report.verdict).toBe('passed');
    expect(report.rows[0].differences[0]).toMatchObject({
      before: 4000,
      after: 4015,
      test: { shown: false, n: [6, 6] },
    });
  });

  it('fails, without limits, what is shown to be slower, with p and n', () => {
    const report = judged(spread(4000), spread(4100));
    expect(report.verdict).toBe('failed');
    expect(report.rows[0].differences[0].test?.p).toBeCloseTo(2 / 924, 10);
  });

  it('passes what is shown to be faster', () => {
    expect(judged(spread(4000), spread(3900)).verdict).toBe('passed');
  });

  it('fails where the whole interval lies beyond the limit', () => {
    expect(judged(spread(4000), spread(4300), { metric: 'average', maxIncrease: 0.02 }).verdict).toBe('failed');
  });

  it('is inconclusive where the limit lies within the interval', () => {
    const report = judged(spread(4000), spread(4090), { metric: 'average', maxIncrease: 0.02 });
    expect(report.verdict).toBe('inconclusive');
    expect(report.rows[0].reason).toMatch(/limit lies within the interval/);
    expect(report.rows[0].differences[0].test?.interval).not.toBeNull();
  });

  it('passes growth up to the floor, whatever share it is', () => {
    expect(judged(spread(4000), spread(4300), { metric: 'average', maxIncrease: 0.02, floor: 300 }).verdict).toBe(
      'passed',
    );
  });

  it('holds the median against a ceiling', () => {
    const verdict = (ceiling: number): string =>
      judged(spread(4000), spread(4000), { metric: 'average', ceiling }).verdict;
    expect([4100, 3995, 3900].map(verdict)).toEqual(['passed', 'inconclusive', 'failed']);
  });

  it('is inconclusive with fewer samples than a test needs', () => {
    const report = judged(measured(4000, 4010, 4020), measured(8000, 8010, 8020));
    expect(report.verdict).toBe('inconclusive');
    expect(report.rows[0].reason).toBe('3 samples: at least 4 are needed to judge what was measured');
  });

  it('cannot be exact', () => {
    const report = gate(spread(4000), spread(4000), { exact: true, limits: [] });
    expect(report.verdict).toBe('inconclusive');
    expect(report.rows[0].reason).toMatch(/never repeat exactly/);
  });

  it('says which statistics it used', () => {
    expect(judged(spread(4000), spread(4000)).notes).toContainEqual(expect.stringMatching(/^medians, Mann-Whitney U/));
  });
});

describe('emulated against measured', () => {
  it('judges means by limits, without p-values or intervals, and says why', () => {
    const report = judged(spread(4000), emulated(4100), { metric: 'average', maxIncrease: 0.02 });
    expect(report.rows[0]).toMatchObject({
      status: 'over limit',
      differences: [{ before: 4000, after: 4100, limit: 4080 }],
    });
    expect(report.rows[0].differences[0]).not.toHaveProperty('test');
    expect(report.notes).toContainEqual(expect.stringMatching(/^no p-values or intervals where a side is emulated/));
    expect(report.notes).toContain('source: hardware in the baseline, emulated now');
  });

  it('compares no profile, seed or noise with those that hardware does not have', () => {
    const report = judged(spread(4000), emulated(4000), { metric: 'average', maxIncrease: 0.02 });
    expect(report.notes.filter((note) => /^(profile|seed|noise|iterations):/.test(note))).toEqual([]);
  });
});
