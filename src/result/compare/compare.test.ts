import { describe, expect, it } from 'vitest';
import { outcome, sampleResult } from '../../../test/support/sample-result.js';
import { problemText } from '../../scenario/problem.js';
import { importLogs } from '../import/import-logs.js';
import { parseLog } from '../import/parse-log.js';
import { sealResult, type SavedResult } from '../saved-result.js';
import { separatingKeys } from './align.js';
import { compareResults, type CompareOptions } from './compare.js';
import type { Comparison, MeasuredChange } from './comparison.js';

const ENVIRONMENT = { date: '', node: '', platform: '', jobs: 1, wallSeconds: 0 };

function emulated(average: number, scenario: object = {}, off = average): SavedResult {
  return sampleResult({ ipiv: [false, true], runs: 3, noise: 'off', ...scenario }, ({ settings }) =>
    outcome(settings['ipiv'] === true ? average : off, settings['ipiv'] === true ? {} : { MSR_WRITE: 1 }),
  );
}

function measured(text: string): SavedResult {
  const log = parseLog('lab.log', text);
  if (!log.ok) throw new Error(log.problems.map(problemText).join());
  const imported = importLogs([log.value], {
    toolVersion: '0.0.0',
    name: 'lab',
    machine: {},
    scenario: { file: 'none', text: '{}' },
    settings: [],
  });
  if (!imported.ok) throw new Error(imported.problems.map(problemText).join());
  return sealResult(imported.value, ENVIRONMENT);
}

const runs = (...cycles: readonly number[]): string => cycles.map((each) => `ipi ${each}\n`).join('');

function compare(results: readonly SavedResult[], options: Partial<CompareOptions> = {}): Comparison {
  const compared = compareResults(
    results.map((result, index) => ({ name: 'abc'[index], result })),
    { reference: 0, metrics: ['average'], exits: false, steps: false, ignored: [], ...options },
  );
  if (!compared.ok) throw new Error(compared.problems.map(problemText).join());
  return compared.value;
}

const change = ({ tables }: Comparison, row = 0, column = 1) => tables[0].rows[row].cells[column]?.change;

describe('emulated against emulated', () => {
  const comparison = compare([emulated(3000, {}, 4000), emulated(3030, {}, 4000)]);

  it('is compared exactly, without p-values or intervals, and says so', () => {
    expect(change(comparison, 0)).toEqual({ kind: 'exact', delta: 0, percent: 0 });
    expect(change(comparison, 1)).toEqual({ kind: 'exact', delta: 30, percent: 1 });
    expect(comparison.notes[0]).toMatch(/^no p-values or intervals where a side is emulated/);
    expect(JSON.stringify(comparison)).not.toContain('"p"');
  });

  it('has a geometric mean over the common rows', () => {
    const mean = comparison.tables[0].geometricMeans?.[1];
    expect(mean?.rows).toBe(2);
    expect(mean?.percent).toBeCloseTo((Math.sqrt(1.01) - 1) * 100, 10);
  });

  it('compares exits and steps on request, and leaves out what is the same', () => {
    const other = emulated(3000, {}, 4000);
    const { tables } = compare([emulated(3000, {}, 4000), other], { exits: true, steps: true });
    expect(tables.map(({ title, rows, unchanged }) => [title, rows.length, unchanged > 0])).toEqual([
      ['average', 2, false],
      ['exits', 0, true],
      ['steps', 0, true],
    ]);
  });

  it('names the figures that differ', () => {
    const { tables } = compare([emulated(3000, {}, 4000), emulated(3010, {}, 4000)], { metrics: [], steps: true });
    expect(tables[0].rows.map(({ figure, cells }) => [figure, cells[1]?.change?.delta])).toEqual([
      ['sender busy cycles', 10],
    ]);
  });

  it('tells where version, seed or profile differ', () => {
    const { notes } = compare([emulated(1), emulated(1, { seed: 2 })]);
    expect(notes).toContain('seed differs: 1 in a, 2 in b');
  });
});

describe('measured against measured', () => {
  const before = runs(100, 101, 102, 103, 104, 105, 106, 107);
  const after = runs(80, 81, 82, 83, 84, 85, 86, 87);

  it('has medians, p, n and an interval', () => {
    const comparison = compare([measured(before), measured(after)]);
    expect(comparison.tables[0].rows[0].cells.map((cell) => cell?.value)).toEqual([103.5, 83.5]);
    expect(change(comparison)).toMatchObject({ kind: 'measured', delta: -20, n: [8, 8], shown: true });
    const { p, interval } = change(comparison) as MeasuredChange;
    expect(p).toBeCloseTo(2 / 12870, 12);
    expect(interval?.[0]).toBeLessThan(-19.3);
    expect(interval?.[1]).toBeGreaterThan(-19.4);
  });

  it('shows nothing where there is nothing to show', () => {
    expect(change(compare([measured(before), measured(before)]))).toMatchObject({ shown: false, p: 1 });
  });

  it('says that few samples can show nothing', () => {
    const comparison = compare([measured(runs(100, 101)), measured(runs(80, 81))]);
    expect(change(comparison)).toMatchObject({ shown: false, interval: null });
    expect(comparison.notes).toContainEqual(expect.stringMatching(/^at least 4 samples .* some rows have 2$/));
  });

  it('is the same again, interval included', () => {
    const compareOnce = () => JSON.stringify(compare([measured(before), measured(runs(95, 99, 104, 98, 96, 97))]));
    expect(compareOnce()).toBe(compareOnce());
  });
});

describe('emulated against hardware', () => {
  const lab = measured(`# ipiv=on kvm.version=5.19\n${runs(2990, 3000, 3010, 3000)}`);

  it.each([0, 1])('has the error of the model, whichever is the reference (%i)', (reference) => {
    const comparison = compare([lab, emulated(3060, { ipiv: true })], { reference });
    expect(change(comparison, 0, 1 - reference)).toEqual({ kind: 'model error', delta: 60, percent: 2 });
    expect(JSON.stringify(comparison)).not.toContain('"p"');
  });

  it('lists the rows that have no partner', () => {
    const comparison = compare([lab, emulated(3060)]);
    expect(comparison.partnerless).toEqual([
      { id: 'workload=ipi apicMode=x2apic ipiv=off apHaltPolicy=spin vcpus=2 kvm.version=5.19', results: ['b'] },
    ]);
  });

  it('has nothing to say on metrics that only one side has', () => {
    expect(compare([lab, emulated(3060)], { metrics: ['sender-cycles'] }).tables).toEqual([]);
  });
});

describe('tables of perf', () => {
  const perf = (mean: string, error: string, hlt: number) =>
    measured(
      '             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time \n\n' +
        `           MSR_WRITE       1000    90.00%    50.00%      0.50us     12.00us      ${mean}us${error} \n` +
        `                 HLT       ${hlt}    10.00%    50.00%      0.90us   4000.00us     20.00us ( +-   5.00% ) \n\n` +
        `Total Samples:${1000 + hlt}, Total events handled time:1.00us.\n`,
    );

  it('are compared per exit: shares counted, times by their errors', () => {
    const { tables } = compare([perf('1.00', ' ( +-   0.50% )', 1000), perf('1.10', ' ( +-   0.50% )', 3000)], {
      exits: true,
    });
    expect(tables.map(({ title }) => title)).toEqual(['share of exits', 'time per exit']);
    expect(tables[0].rows.map(({ figure, cells }) => [figure, cells[1]?.change])).toEqual([
      ['MSR_WRITE', { kind: 'counted', delta: -25, percent: -50 }],
      ['HLT', { kind: 'counted', delta: 25, percent: 50 }],
    ]);
    expect(tables[1].rows[0].cells[1]?.change).toMatchObject({ kind: 'measured', test: 'normal', shown: true });
    expect(tables[1].unchanged).toBe(1);
  });

  it('are not tested where the report has no errors', () => {
    const { tables } = compare([perf('1.00', '', 1000), perf('1.10', '', 1000)], { exits: true });
    expect(tables[1].rows[0].cells[1]?.change).toMatchObject({ kind: 'counted' });
  });

  it('stand beside the times of an emulated run, with the error of the model', () => {
    const timed = sampleResult({ ipiv: false, runs: 2, noise: 'off', host: { tscGHz: 2 } }, () => {
      const { activity, ...rest } = outcome(3000, { MSR_WRITE: 1 });
      const exitTimes = { MSR_WRITE: { count: 1000, cycles: 2_400_000 } };
      return { ...rest, activity: { ...activity, sender: { ...activity.sender, exitTimes } } };
    });
    const options = { exits: true, ignored: ['ipiv'] };
    const { tables } = compare([perf('1.00', ' ( +-   0.50% )', 1000), timed], options);
    const times = tables.find(({ title }) => title === 'time per exit');
    const [{ figure, cells }] = times?.rows ?? [];
    expect(figure).toBe('MSR_WRITE');
    expect(cells[1]?.value).toBeCloseTo(1.2, 12);
    expect(cells[1]?.n).toBe(2000);
    expect(cells[1]?.change).toMatchObject({ kind: 'model error', percent: expect.closeTo(20, 9) as number });
  });

  it('stand beside the exits of an emulated run as shares', () => {
    const comparison = compare([perf('1.00', '', 1000), emulated(3000, { ipiv: false })], {
      exits: true,
      ignored: ['ipiv'],
    });
    const [shares] = comparison.tables.filter(({ title }) => title === 'share of exits');
    expect(shares.rows.map(({ figure, cells }) => [figure, cells[1]?.value])).toEqual([
      ['MSR_WRITE', 100],
      ['HLT', 0],
    ]);
  });
});

describe('aligning', () => {
  it('takes rows together whose ignored settings differ, and knows which do', () => {
    const results = [emulated(3000), emulated(3000, { kvm: { version: '6.12' } })];
    expect(compare(results).tables).toEqual([]);
    expect(
      separatingKeys(
        results.map((result) => ({ name: '', result })),
        0,
      ),
    ).toEqual(['kvm.version']);
    expect(compare(results, { ignored: ['kvm.version'] }).tables[0].rows).toHaveLength(2);
  });

  it('refuses to put two cases of one result into one row', () => {
    const results = [emulated(3000), emulated(3000)].map((result, index) => ({ name: 'ab'[index], result }));
    const compared = compareResults(results, {
      reference: 1,
      metrics: ['average'],
      exits: false,
      steps: false,
      ignored: ['ipiv'],
    });
    expect(compared.ok ? '' : problemText(compared.problems[0])).toMatch(/^b: two of its cases become one: /);
  });

  it('takes thousands of rows in its stride', () => {
    const lines = Array.from(
      { length: 3000 },
      (_, i) => `# vcpus=${i + 2}\n${runs(1000 + i, 1001 + i, 999 + i, 998 + i)}`,
    );
    const many = measured(lines.join(''));
    expect(compare([many, many]).tables[0].rows).toHaveLength(3000);
  });
});
