import { describe, expect, it } from 'vitest';
import type { GateReport, Row } from '../result/gate/gate-report.js';
import { gateText } from './gate-text.js';
import { githubAnnotations, githubSummary } from './github.js';
import { junit } from './junit.js';
import { styleFor } from './style.js';

const MOVED = { figure: 'average', before: 4000, after: 4100, limit: 4080 };

function row(number: number, status: Row['status'] = 'over limit'): Row {
  return { id: `ipiv=on vcpus=${number}`, status, differences: status === 'same' ? [] : [MOVED], reason: '' };
}

function report(rows: readonly Row[], rest: Partial<GateReport> = {}): GateReport {
  return { verdict: 'failed', rules: { exact: true, limits: [] }, rows, baselineReason: null, notes: [], ...rest };
}

const rows = (count: number, status?: Row['status']) => Array.from({ length: count }, (_, index) => row(index, status));

describe('the text of a gate', () => {
  it('gives verdict, rows, limits, the reason of the baseline and notes', () => {
    const text = gateText(
      report([row(2), row(3, 'same')], {
        rules: { exact: false, limits: [{ metric: 'average', maxIncrease: 0.02, floor: 20, ceiling: 5000 }] },
        baselineReason: 'line transfers got a price',
        notes: ['version: 1 in the baseline, 2 now'],
      }),
      styleFor(false),
    );
    expect(text.split('\n')).toEqual([
      'gate failed: 1 of 2 rows unchanged or within limits',
      'over limit: ipiv=on vcpus=2',
      '  average 4000 -> 4100 (+100, +2.50%), limit 4080',
      'limits: average: at most +2% or +20, at most 5000',
      'baseline: line transfers got a price',
      'note: version: 1 in the baseline, 2 now',
      '',
    ]);
  });

  it('shows a hundred rows at the most, those that fail first', () => {
    const lines = gateText(report([row(1, 'inconclusive'), ...rows(3000, 'missing')]), styleFor(false)).split('\n');
    expect(lines[1]).toBe('missing: ipiv=on vcpus=0');
    expect(lines.at(-2)).toBe('and 2901 more rows (gate --junit FILE has all)');
    expect(lines).toHaveLength(1 + 2 * 100 + 1 + 1);
  });

  it('gives the evidence of a measured row, also where it passes', () => {
    const test = {
      kind: 'measured',
      delta: 100,
      percent: 2.5,
      p: 0.002,
      n: [6, 6],
      interval: [2, 3],
      shown: true,
    } as const;
    const passing = {
      ...row(2, 'same'),
      differences: [{ ...MOVED, test: { ...test, test: 'Mann-Whitney, exact' } as const }],
    };
    expect(gateText(report([passing]), styleFor(false))).toContain(
      'within limits: ipiv=on vcpus=2\n  average 4000 -> 4100 (+100, +2.50%), limit 4080, [+2.00%, +3.00%] (p=0.002 n=6+6)\n',
    );
  });
});

describe('a row of which very many figures moved', () => {
  const few = { figure: 'run 1 cycles', before: 4000, after: 4001 };
  const much = { figure: 'sender step vm-exit cycles', before: 100, after: 150 };
  const appeared = { figure: 'target exits HLT', before: 0, after: 0.5 };
  const differences = [MOVED, ...Array.from({ length: 57 }, () => few), much, appeared];
  const moved = { ...row(2, 'moved'), differences };

  it('shows its metrics, then what moved most, and says how many more there are', () => {
    const lines = gateText(report([moved]), styleFor(false))
      .trimEnd()
      .split('\n')
      .slice(2);
    expect(lines).toHaveLength(11);
    expect(lines.slice(0, 4)).toEqual([
      '  average 4000 -> 4100 (+100, +2.50%), limit 4080',
      '  target exits HLT 0 -> 0.5 (+0.5)',
      '  sender step vm-exit cycles 100 -> 150 (+50, +50.00%)',
      '  run 1 cycles 4000 -> 4001 (+1, +0.03%)',
    ]);
    expect(lines.at(-1)).toBe('  and 50 more figures (gate --junit FILE has all)');
  });

  it('shows the same in annotations and in the step summary', () => {
    const shown = gateText(report([moved]), styleFor(false))
      .trimEnd()
      .split('\n')
      .slice(2);
    const texts = shown.map((line) => line.trim());
    const [, data] = githubAnnotations(report([moved]))
      .trimEnd()
      .split(/::(?=average)/);
    expect(data.replaceAll('%25', '%').split('%0A')).toEqual(texts);
    expect(githubSummary(report([moved]), 's')).toContain(`| ${texts.join('<br>')} |`);
  });

  it('has all of them in JUnit', () => {
    expect(junit(report([moved]), 's').match(/run 1 cycles/g)).toHaveLength(57);
  });
});

describe('annotations for GitHub', () => {
  const lines = (all: readonly Row[]) => githubAnnotations(report(all)).trimEnd().split('\n');

  it('are one per row that is not as it was', () => {
    expect(lines([row(2), row(3, 'same'), row(4, 'inconclusive')])).toEqual([
      '::error title=over limit%3A ipiv=on vcpus=2::average 4000 -> 4100 (+100, +2.50%25), limit 4080',
      '::warning title=inconclusive%3A ipiv=on vcpus=4::average 4000 -> 4100 (+100, +2.50%25), limit 4080',
    ]);
  });

  it('are at most ten, the last of which counts the rest', () => {
    expect(lines(rows(10))).toHaveLength(10);
    expect(lines(rows(2000))).toHaveLength(10);
    expect(lines(rows(2000)).at(-1)).toBe(
      '::error title=gate::1991 more rows are not as they were: see the step summary',
    );
  });

  it('let failures come before what is inconclusive', () => {
    expect(lines([...rows(20, 'inconclusive'), row(99)])[0]).toMatch(/^::error title=over limit%3A ipiv=on vcpus=99::/);
  });
});

describe('the step summary', () => {
  it('has a table of the rows that are not as they were', () => {
    expect(githubSummary(report([row(2), row(3, 'same')]), 'x2apic')).toBe(
      '### x2apic: gate failed: 1 of 2 rows unchanged or within limits\n\n' +
        '| row | status | figures |\n| --- | --- | --- |\n' +
        '| ipiv=on vcpus=2 | over limit | average 4000 -> 4100 (+100, +2.50%), limit 4080 |\n\n',
    );
  });

  it('stays small with thousands of rows', () => {
    const text = githubSummary(report(rows(5000)), 'x2apic');
    expect(text).toContain('\nand 4900 more rows (gate --junit FILE has all)\n');
    expect(text.length).toBeLessThan(1 << 20);
  });

  it('takes nothing in an id for Markdown or HTML', () => {
    const hostile = { ...row(2), id: 'profile=a|b<img>`x`' };
    expect(githubSummary(report([hostile]), 's')).toContain('| profile=a\\|b&lt;img>\\`x\\` |');
  });
});

describe('JUnit', () => {
  it('has a test case per row, and the remarks as output', () => {
    const xml = junit(report([row(2), row(3, 'same'), row(4, 'inconclusive')], { baselineReason: 'a < b' }), 'x2apic');
    expect(xml).toContain('<testsuite name="x2apic" tests="3" failures="1" skipped="1">');
    expect(xml).toContain('<failure message="over limit">average 4000 -&gt; 4100 (+100, +2.50%), limit 4080</failure>');
    expect(xml).toContain('<system-out>baseline: a &lt; b</system-out>');
  });

  it('has no character that XML does not take', () => {
    const hostile = { ...row(2), reason: 'bell \u0007 & escape \u001b' };
    expect(junit(report([hostile]), 's')).toContain('bell \uFFFD &amp; escape \uFFFD');
  });
});
