import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../src/result/digest.js';
import { resultText, sealResult, type SavedResult } from '../src/result/saved-result.js';
import { emptyFolder, ipivBench, ROOT } from './support/cli.js';

const folder = emptyFolder();
const write = (file: string, text: string): void => writeFileSync(join(folder, file), text);
const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
const BASELINE = readFileSync(join(ROOT, 'results/baselines/x2apic.json'), 'utf8');

/** The text of a result with one figure replaced, whose digest belongs to what is read from it. */
function forged(figure: string): string {
  const { digest: _, environment, baseline: __, ...rest } = JSON.parse(BASELINE) as SavedResult;
  const outer = /"outer":[\d.]+/;
  const content = JSON.stringify(rest).replace(outer, `"outer":${figure}`);
  const digest = digestOf(JSON.parse(content));
  return `${content.slice(0, -1)},"digest":"${digest}","environment":${JSON.stringify(environment)}}`;
}

const lines = (count: number, cycles: number): string =>
  Array.from({ length: count }, (_, index) => `ipi ${cycles + (index % 100)}\n`).join('');

const PERF =
  'Analyze events for all VMs, all VCPUs:\n\n' +
  '             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time \n\n' +
  '           MSR_WRITE       1000   100.00%   100.00%      0.50us     12.00us      1.25us ( +-   0.80% ) \n\n' +
  'Total Samples:1000, Total events handled time:1250.00us.\n';

beforeAll(() => {
  write('base.json', BASELINE);
  write('empty.json', '');
  write('half.json', BASELINE.slice(0, BASELINE.length / 2));
  write('newer.json', BASELINE.replace('"schemaVersion": 1', '"schemaVersion": 2'));
  write('text.json', forged('"NaN"'));
  write('null.json', forged('null'));
  write('huge.json', forged('1e999'));
  write('binary.json', '{\u0000\u0001');
  write('lab.log', 'ipi 4265\nipi 4404\nipi 4230\nipi 4333\nipi 4310\nipi 4290\n');
  write('perf.txt', PERF);
  for (const log of ['lab.log', 'perf.txt']) {
    const { code, stderr } = ipivBench(['import', log, '-o', log.replace(/\..*/, '.result.json')], folder);
    if (code !== 0) throw new Error(stderr);
  }
}, 60_000);

/** What a command says about one bad result, and its exit code. */
const COMMANDS: readonly (readonly [string, (file: string) => string[]])[] = [
  ['show', (file) => ['show', file]],
  ['show --verify', (file) => ['show', file, '--verify']],
  ['compare', (file) => ['compare', 'base.json', file]],
  ['gate', (file) => ['gate', 'base.json', file]],
  ['gate (as the baseline)', (file) => ['gate', file, 'base.json']],
  ['baseline update', (file) => ['baseline', 'update', 'new-baseline.json', file, '--reason', 'none']],
  ['calibrate', (file) => ['calibrate', file]],
];

describe.each(COMMANDS)('%s', (command, args) => {
  it.each([
    ['half-written', 'half.json', /^error: half\.json:\d+:\d+: JSON ends too early/, 2],
    ['from a newer version', 'newer.json', /^error: newer\.json: result schema 2, this version reads 1; run/, 3],
    ['a figure that is a text', 'text.json', /^error: text\.json:1:\d+: not a whole result: .*outer" is "NaN"/, 2],
    ['a figure that is null', 'null.json', /^error: null\.json:1:\d+: not a whole result: .*outer" is null/, 2],
    ['a figure beyond all numbers', 'huge.json', /^error: huge\.json:1:\d+: not a whole result: .* too large/, 2],
    ['not text at all', 'binary.json', /^error: binary\.json:1:\d+: not valid JSON/, 2],
  ])('refuses a result that is %s', (_, file, expected, code) => {
    const finished = ipivBench(args(file), folder);
    expect(finished.stderr).toMatch(expected);
    expect(finished.stdout).toBe('');
    expect(finished.code).toBe(command === 'calibrate' ? 2 : code);
  });

  it('refuses an empty file', () => {
    const { code, stdout, stderr } = ipivBench(args('empty.json'), folder);
    expect(stderr).toMatch(/^error: empty\.json(:1:1)?: (not a saved result|the file is empty)/);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

describe('a scenario of another version', { timeout: 120_000 }, () => {
  const rewritten = (file: string, change: (kvm: Record<string, unknown>) => void): void => {
    const { digest: _, environment, ...rest } = JSON.parse(read('quick.json')) as SavedResult;
    change(rest.scenario.kvm);
    write(file, resultText(sealResult(rest, environment)));
  };

  beforeAll(() => {
    const quick = ['--runs', '1', '--iterations', '16', '--no-save', '-o', 'quick.json'];
    ipivBench(['run', 'x2apic', ...quick], folder);
  }, 60_000);

  it('with a key that is not known here is not run again', () => {
    rewritten('later.json', (kvm) => (kvm['pleShrink'] = 2));
    const { code, stdout, stderr } = ipivBench(['show', 'later.json', '--verify'], folder);
    expect(stderr).toMatch(/^error: later\.json: unknown key "pleShrink" in "kvm"/);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('without a key that is younger runs with its default, and is not called the same', () => {
    rewritten('earlier.json', (kvm) => delete kvm['pleGap']);
    const { code, stdout } = ipivBench(['show', 'earlier.json', '--verify'], folder);
    expect(stdout).toMatch(/^not the same: .*\ngate passed: 2 of 2 rows/);
    expect(code).toBe(1);
  });
});

describe('metrics that do not go together', () => {
  it('are not compared', () => {
    const { code, stderr } = ipivBench(['compare', 'lab.result.json', 'perf.result.json'], folder);
    expect(stderr).toMatch(/no common case has average on both sides/);
    expect(code).toBe(3);
  });

  it('are not gated', () => {
    const { code, stdout } = ipivBench(['gate', 'lab.result.json', 'perf.result.json'], folder);
    expect(stdout).toMatch(/^gate inconclusive: .*\ninconclusive: .*: has no metric "average"$/m);
    expect(code).toBe(3);
  });

  it('are not fitted', () => {
    const { code, stderr } = ipivBench(['calibrate', 'perf.result.json'], folder);
    expect(stderr).toMatch(/^error: perf\.result\.json: no case with cycles of workload ipi/);
    expect(code).toBe(2);
  });

  it.each(['vmexit', 'plot', 'csv', 'bmf'])('are said to be missing where %s would show nothing else', (format) => {
    const { code, stderr } = ipivBench(['show', 'perf.result.json', '--format', format], folder);
    expect(stderr).toBe(
      `error: perf.result.json: has no cycles, and ${format} can show nothing else; table, markdown and json show its VM exits\n`,
    );
    expect(code).toBe(2);
  });

  it('are left out of a table of VM exits', () => {
    const { code, stdout } = ipivBench(['show', 'perf.result.json', '--format', 'markdown'], folder);
    expect(stdout).not.toContain('Average cycles');
    expect(stdout).toMatch(/^\| [A-Z_]+ \| \d+ \| /m);
    expect(code).toBe(0);
  });

  it('of which a result has only some are compared as far as they go', () => {
    const { code, stdout } = ipivBench(
      [
        'compare',
        'lab.result.json',
        'base.json',
        '--ignore',
        'apHaltPolicy',
        '--metric',
        'average',
        '--metric',
        'exits',
      ],
      folder,
    );
    expect(stdout).toMatch(/model error/);
    expect(stdout).not.toMatch(/^exits:/m);
    expect(code).toBe(0);
  });
});

describe('logs', () => {
  it('with foreign lines are read, and the lines are counted and shown', () => {
    write('noisy.log', '[  12.3] kvm: noise\nipi 4265\nwhat is this\nipi 4404\n');
    const { code, stderr } = ipivBench(['import', 'noisy.log', '-o', 'noisy.json'], folder);
    expect(stderr).toMatch(
      /^noisy\.log: vmexit, 2 runs, 2 foreign lines\n {2}not used: line 1: \[ {2}12\.3\] kvm: noise\n/,
    );
    expect(code).toBe(0);
    const { imported } = JSON.parse(read('noisy.json')) as SavedResult;
    expect(imported).toEqual([{ file: 'noisy.log', format: 'vmexit', foreignLines: 2 }]);
  });

  it.each([
    ['an empty one', '', /^error: bad\.log: the file is empty/],
    ['one with NaN', 'ipi nan\n', /^error: bad\.log:1:1: ipi is "nan", not a number of cycles/],
    ['a half-written one', 'ipi 4265\nipi 4', /^error: bad\.log:2:1: the last line has no line end/],
    ['a table with NaN', 'run,xapic_on\n1,NaN\n', /^error: bad\.log:2:2: xapic_on is "NaN"/],
    ['half a table', 'run,xapic_off,xapic_on\n1,2,3\n2,4', /^error: bad\.log:3:1: Invalid Record Length/],
    ['half a report of perf', PERF.slice(0, PERF.indexOf('Total')), /a table without its total: cut off/],
  ])('%s is refused', (_, text, expected) => {
    write('bad.log', text);
    const { code, stdout, stderr } = ipivBench(['import', 'bad.log', '-o', 'bad.json'], folder);
    expect(stderr).toMatch(expected);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it.each([
    ['an empty table', '', /^error: bad\.csv: the file is empty/],
    [
      'a table with NaN',
      'run,xapic_on\n1,NaN\n2,3\n',
      /^error: bad\.csv:2:1: xapic_on is 'NaN', not a number of cycles/,
    ],
    ['a table of one run', 'run,xapic_on\n1,4000\n', /fewer than two runs/],
    ['a log', 'ipi 4265\n', /^error: bad\.csv:1:1: column 1 is 'ipi 4265'; known are/],
  ])('calibrate refuses %s', (_, text, expected) => {
    write('bad.csv', text);
    const { code, stdout, stderr } = ipivBench(['calibrate', 'bad.csv'], folder);
    expect(stderr).toMatch(expected);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

describe('thousands of rows', { timeout: 240_000 }, () => {
  it('of samples are imported, compared and gated', () => {
    write('many.log', lines(5000, 4000));
    write('more.log', lines(5000, 4200));
    for (const name of ['many', 'more']) {
      const { code, stderr } = ipivBench(['import', `${name}.log`, '-o', `${name}.json`, '--format', 'csv'], folder);
      expect(stderr).toContain(`${name}.log: vmexit, 5000 runs, 0 foreign lines\n`);
      expect(code).toBe(0);
    }
    expect(ipivBench(['compare', 'many.json', 'more.json'], folder).stdout).toMatch(
      /\+4\.94% .*\(p<1e-15 n=5000\+5000\)$/m,
    );
    expect(ipivBench(['gate', 'many.json', 'more.json', '--max-increase', '2%'], folder).code).toBe(1);
  });

  it('of cases are shown, compared and gated', () => {
    const { digest: _, environment, baseline: __, ...rest } = JSON.parse(BASELINE) as SavedResult;
    const [off] = rest.cases;
    const short = { ...off, runs: off.runs.slice(0, 1) };
    const cases = Array.from({ length: 2000 }, (_, index) => ({ ...short, id: `${off.id} host.pcpus=${index + 2}` }));
    const scenario = { ...rest.scenario, runs: 1 };
    write('cases.json', resultText(sealResult({ ...rest, scenario, cases }, environment)));
    expect(ipivBench(['gate', 'cases.json', 'cases.json'], folder).stdout).toBe(
      'gate passed: 2000 of 2000 rows unchanged or within limits\n',
    );
    expect(ipivBench(['compare', 'cases.json', 'cases.json'], folder).stdout).toMatch(/ 0\.00% over 2000 rows$/m);
    expect(ipivBench(['show', 'cases.json', '--format', 'csv'], folder).stdout.trimEnd().split('\r\n')).toHaveLength(
      2001,
    );
  });
});
