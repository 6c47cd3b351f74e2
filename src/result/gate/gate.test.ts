import { describe, expect, it } from 'vitest';
import { outcome, sampleResult } from '../../../test/support/sample-result.js';
import { gate } from './gate.js';
import type { GateRules } from './limit.js';
import type { RunOutcome, SavedResult } from '../saved-result.js';

const EXACT: GateRules = { exact: true, limits: [] };
const UP_TO_2_PERCENT: GateRules = {
  exact: false,
  limits: [{ metric: 'average', maxIncrease: 0.02 }],
};

function result(change: (run: RunOutcome) => RunOutcome = (run) => run, scenario: object = {}): SavedResult {
  return sampleResult({ ipiv: [false, true], runs: 3, ...scenario }, (each, index) => {
    const run = outcome(4000 + index, { MSR_WRITE: 1 });
    return each.settings['ipiv'] === true ? change(run) : run;
  });
}

function withSender(change: (sender: RunOutcome['activity']['sender']) => RunOutcome['activity']['sender']) {
  return (run: RunOutcome): RunOutcome => ({
    ...run,
    activity: { ...run.activity, sender: change(run.activity.sender) },
  });
}

describe('exact gate', () => {
  it('passes equal results', () => {
    expect(gate(result(), result(), EXACT).verdict).toBe('passed');
  });

  it.each<[string, (run: RunOutcome) => RunOutcome, string]>([
    ['an average', (run) => ({ ...run, outer: run.outer + 1 }), 'average'],
    ['a fraction of a cycle', (run) => ({ ...run, outer: run.outer + 1 / 64 }), 'run 1 cycles'],
    ['an average that became smaller', (run) => ({ ...run, outer: run.outer - 1 }), 'average'],
    ['line transfers', (run) => ({ ...run, lineTransfers: run.lineTransfers + 1 }), 'line-transfers'],
    ['sender cycles', withSender((s) => ({ ...s, busyCycles: s.busyCycles + 1 })), 'sender-cycles'],
    ['an exit reason', withSender((s) => ({ ...s, exits: { APIC_WRITE: 1000 } })), 'sender exits MSR_WRITE'],
    [
      'a step total',
      withSender((s) => ({ ...s, steps: { ...s.steps, 'vm-entry': { count: 1, cycles: 5 } } })),
      'sender step vm-entry cycles',
    ],
  ])('fails on %s and names the row and the figure', (_, change, figure) => {
    const report = gate(result(), result(change), EXACT);
    expect(report.verdict).toBe('failed');
    const moved = report.rows.filter(({ status }) => status === 'moved');
    expect(moved.map(({ id }) => id)).toEqual([expect.stringContaining('ipiv=on')]);
    expect(moved[0].differences.map((difference) => difference.figure)).toContain(figure);
  });

  it('fails where a guest fails that got through before, and says how', () => {
    const failure = { run: 3, message: 'triple fault', cycles: 1, details: [] };
    const [off, on] = result().cases;
    const current = { ...result(), cases: [off, { ...on, runs: on.runs.slice(0, 2), failures: [failure] }] };
    expect(gate(result(), current, EXACT)).toMatchObject({
      verdict: 'failed',
      rows: [{ status: 'same' }, { status: 'moved', reason: '1 run failed: triple fault' }],
    });
  });

  it('is inconclusive about a metric that only one of the two has', () => {
    const report = gate(
      result(),
      result((run) => ({ ...run, inner: null })),
      EXACT,
    );
    expect(report.rows[1]).toMatchObject({
      status: 'inconclusive',
      reason: 'only one of the two has the metric "inner-average"',
    });
  });

  it('is inconclusive where runs are missing', () => {
    expect(gate(result(), result(undefined, { runs: 2 }), EXACT).verdict).toBe('inconclusive');
  });
});

describe('gate with limits', () => {
  it('passes an increase within the limit, and any decrease', () => {
    expect(
      gate(
        result(),
        result((run) => ({ ...run, outer: run.outer * 1.019 })),
        UP_TO_2_PERCENT,
      ).verdict,
    ).toBe('passed');
    expect(
      gate(
        result(),
        result((run) => ({ ...run, outer: run.outer / 2 })),
        UP_TO_2_PERCENT,
      ).verdict,
    ).toBe('passed');
  });

  it('fails an increase beyond the limit', () => {
    const report = gate(
      result(),
      result((run) => ({ ...run, outer: run.outer * 1.021 })),
      UP_TO_2_PERCENT,
    );
    expect(report.verdict).toBe('failed');
    expect(report.rows.map(({ status }) => status)).toEqual(['same', 'over limit']);
  });

  it('fails a metric above its ceiling', () => {
    const limits = [{ metric: 'exits', ceiling: 0.5 }] as const;
    expect(gate(result(), result(), { exact: false, limits }).verdict).toBe('failed');
  });

  it('is inconclusive without the metric', () => {
    const limits = [{ metric: 'inner-average', ceiling: 1e9 }] as const;
    const without = result((run) => ({ ...run, inner: null }));
    expect(gate(without, without, { exact: false, limits }).verdict).toBe('inconclusive');
  });

  it('needs five samples where the seeds differ', () => {
    expect(gate(result(), result(undefined, { seed: 2 }), UP_TO_2_PERCENT).verdict).toBe('inconclusive');
    const five = [result(undefined, { runs: 5 }), result(undefined, { runs: 5, seed: 2 })] as const;
    expect(gate(...five, UP_TO_2_PERCENT).verdict).toBe('passed');
  });
});

describe('any gate', () => {
  it('is inconclusive without common rows', () => {
    expect(gate(result(), result(undefined, { apicMode: 'xapic' }), EXACT).verdict).toBe('inconclusive');
  });

  it('fails when a row of the baseline is missing', () => {
    const report = gate(result(), result(undefined, { ipiv: false }), EXACT);
    expect(report.verdict).toBe('failed');
    expect(report.rows[1]).toMatchObject({ status: 'missing' });
  });

  it.each([EXACT, UP_TO_2_PERCENT])(
    'is inconclusive where an interruption has cost runs, and says so (%j)',
    (rules) => {
      const whole = result();
      const [off, on] = whole.cases;
      const partial: SavedResult = { ...whole, interrupted: true, cases: [off, { ...on, runs: on.runs.slice(0, 2) }] };
      const reasons = (report: ReturnType<typeof gate>) => report.rows.map(({ reason }) => reason);
      expect(gate(partial, whole, rules).verdict).toBe('inconclusive');
      expect(gate(partial, whole, rules).notes).toContain('the baseline was interrupted');
      expect(reasons(gate(partial, whole, rules))).toEqual(['', 'the baseline was interrupted after 2 of 3 runs']);
      expect(gate(whole, partial, rules).notes).toContain('the current result was interrupted');
      expect(reasons(gate(whole, partial, rules))).toEqual([
        '',
        'the current result was interrupted after 2 of 3 runs',
      ]);
    },
  );

  it('prints a difference of profile or version, and does not count it', () => {
    const other = { ...result(), toolVersion: '9.9.9' };
    const report = gate(result(), other, EXACT);
    expect(report.verdict).toBe('passed');
    expect(report.notes).toEqual(['version: 0.0.0 in the baseline, 9.9.9 now']);
  });
});
