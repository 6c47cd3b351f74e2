import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { resultText, sealResult, type SavedResult } from '../src/result/saved-result.js';
import { emptyFolder, ipivBench, ROOT } from './support/cli.js';

const X2APIC = join(ROOT, 'scenarios/x2apic.json');
const folder = emptyFolder();

function measure(file: string, args: readonly string[] = []): void {
  const quick = ['--runs', '2', '--iterations', '64', '--set', 'warmup=8'];
  const { code, stderr } = ipivBench(['run', X2APIC, ...quick, '--no-save', '-o', file, ...args], folder);
  if (code !== 0) throw new Error(stderr);
}

const gate = (...args: string[]) => ipivBench(['gate', ...args], folder);

describe('gate', () => {
  beforeAll(() => {
    measure('base.json');
    measure('again.json');
    const profile = JSON.parse(readFileSync('src/cost/profiles/ipiv-v1.json', 'utf8')) as {
      steps: Record<string, { value: number }>;
    };
    // A step that only IPIs sent by software have: set-up takes VM exits with IPI virtualization, too.
    profile.steps['apic-map-lookup'].value += 1;
    writeFileSync(join(folder, 'slower.profile.json'), JSON.stringify(profile));
    measure('slower.json', ['--profile', './slower.profile.json']);
  }, 120_000);

  it('passes what is equal', () => {
    const { code, stdout } = gate('base.json', 'again.json', '--exact');
    expect(stdout).toBe('gate passed: 2 of 2 rows unchanged or within limits\n');
    expect(code).toBe(0);
  });

  it('fails when one step costs one cycle more, and names the rows and figures that moved', () => {
    const { code, stdout } = gate('base.json', 'slower.json');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^gate failed: 1 of 2 rows unchanged/);
    expect(stdout).toMatch(/^moved: workload=ipi apicMode=x2apic ipiv=off /m);
    expect(stdout).toMatch(/^ {2}sender step apic-map-lookup cycles .* \(\+1, /m);
    expect(stdout).toMatch(/^note: profile: ipiv-v1 /m);
  });

  it('passes a small increase where that is allowed', () => {
    expect(gate('base.json', 'slower.json', '--max-increase', '2%').code).toBe(0);
    expect(gate('base.json', 'slower.json', '--metric', 'ipi=2%').code).toBe(0);
    expect(gate('base.json', 'slower.json', '--metric', 'exits=1').code).toBe(0);
  });

  it('fails beyond a limit', () => {
    expect(gate('base.json', 'slower.json', '--max-increase', '0').code).toBe(1);
    expect(gate('base.json', 'slower.json', '--metric', 'average=10').code).toBe(1);
  });

  it('writes JUnit, annotations and the step summary', () => {
    const environment = { GITHUB_STEP_SUMMARY: join(folder, 'summary.md') };
    const args = ['gate', 'base.json', 'slower.json', '--junit', 'gate.xml', '--github'];
    const { stdout, code } = ipivBench(args, folder, environment);
    expect(readFileSync(join(folder, 'gate.xml'), 'utf8')).toMatch(
      /<testsuite name="x2apic" tests="2" failures="1" skipped="0">/,
    );
    expect(stdout).toMatch(/^::error title=moved%3A workload=ipi /m);
    expect(readFileSync(join(folder, 'summary.md'), 'utf8')).toMatch(/^### x2apic: gate failed: 1 of 2 rows/);
    expect(code).toBe(1);
  });

  it('lets growth up to a floor pass', () => {
    expect(gate('base.json', 'slower.json', '--floor', 'average=2').code).toBe(0);
    expect(gate('base.json', 'slower.json', '--floor', 'average=0.5').code).toBe(1);
  });

  it('takes its limits from the scenario', () => {
    const text = readFileSync(X2APIC, 'utf8').replace('{', '{ "gate": { "average": { "maxIncreasePercent": 2 } },');
    writeFileSync(join(folder, 'limited.scenario.json'), text);
    const quick = ['--runs', '2', '--iterations', '64', '--set', 'warmup=8', '--no-save', '-o', 'limited.json'];
    ipivBench(['run', 'limited.scenario.json', ...quick], folder);
    const { code, stdout } = gate('limited.json', 'slower.json');
    expect(stdout).toContain('\nlimits: average: at most +2%\n');
    expect(stdout).toContain('\nnote: no p-values or intervals where a side is emulated');
    expect(code).toBe(0);
  });

  it('judges what was measured by its statistics', () => {
    const log = (cycles: number): string => [0, 1, 2, 3, 4, 5].map((each) => `ipi ${cycles + each}\n`).join('');
    for (const [name, cycles] of Object.entries({ lab1: 4000, lab2: 4020, lab3: 4200 })) {
      writeFileSync(join(folder, `${name}.log`), log(cycles));
      ipivBench(['import', `${name}.log`, '-o', `${name}.json`], folder);
    }
    const shown = gate('lab1.json', 'lab2.json');
    expect(shown.stdout).toMatch(
      / average 4002\.5 -> 4022\.5 \(\+20, \+0\.50%\), limit 4002\.5, \[.*\] \(p=0\.002 n=6\+6\)$/m,
    );
    expect(shown.code).toBe(1);
    expect(gate('lab1.json', 'lab2.json', '--max-increase', '2%').code).toBe(0);
    expect(gate('lab1.json', 'lab3.json', '--max-increase', '2%').code).toBe(1);
    expect(gate('lab1.json', 'lab1.json', '--exact')).toMatchObject({ code: 3 });
  });

  it('is inconclusive without common rows', () => {
    measure('xapic.json', ['--set', 'apicMode=xapic']);
    const { code, stdout } = gate('base.json', 'xapic.json');
    expect(stdout).toMatch(/^gate inconclusive: 0 of 2 rows/);
    expect(code).toBe(3);
  });

  it('is inconclusive with an interrupted result, and says which it is', () => {
    const {
      digest: _,
      environment,
      ...saved
    } = JSON.parse(readFileSync(join(folder, 'base.json'), 'utf8')) as SavedResult;
    const cases = saved.cases.map((each) => ({ ...each, runs: each.runs.slice(0, 1) }));
    writeFileSync(
      join(folder, 'part.json'),
      resultText(sealResult({ ...saved, cases, interrupted: true }, environment)),
    );
    const baseline = gate('part.json', 'base.json');
    expect(baseline.stdout).toMatch(/^inconclusive: .*: the baseline was interrupted after 1 of 2 runs$/m);
    expect(baseline.stdout).toMatch(/^note: the baseline was interrupted$/m);
    expect(baseline.code).toBe(3);
    const current = gate('base.json', 'part.json', '--max-increase', '50%');
    expect(current.stdout).toMatch(/^inconclusive: .*: the current result was interrupted after 1 of 2 runs$/m);
    expect(current.code).toBe(3);
  });

  it('is inconclusive with a baseline of another schema', () => {
    const other = readFileSync(join(folder, 'base.json'), 'utf8').replace('"schemaVersion": 1', '"schemaVersion": 9');
    writeFileSync(join(folder, 'other.json'), other);
    const { code, stderr } = gate('other.json', 'base.json');
    expect(stderr).toMatch(/^error: other\.json: result schema 9, this version reads 1; /);
    expect(code).toBe(3);
  });

  it.each([
    ['a missing file', 'none.json', null, /^error: none\.json: no such file/],
    [
      'a damaged result',
      'damaged.json',
      (text: string) => text.replace('"iterations": 64', '"iterations": 65'),
      /damaged/,
    ],
    [
      'a truncated result',
      'short.json',
      (text: string) => text.slice(0, 5000),
      /^error: short\.json:\d+:\d+: JSON ends too early/,
    ],
    ['something else', 'else.json', () => '{"a": 1}', /^error: else\.json:1:1: not a saved result/],
  ])('refuses %s', (_, name, change, expected) => {
    if (change !== null) writeFileSync(join(folder, name), change(readFileSync(join(folder, 'base.json'), 'utf8')));
    const { code, stderr, stdout } = gate(name, 'base.json');
    expect(stderr).toMatch(expected);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it.each([
    [['--exact', '--max-increase', '2%'], /--exact: does not go with/],
    [['--metric', 'exit=1'], /unknown metric "exit"; did you mean "exits"\?/],
    [['--metric', 'exits'], /no "="/],
    [['--floor', 'exits=2%'], /--floor exits=2%: no amount/],
    [['--max-increase', 'much'], /expected a share such as 2%/],
  ])('refuses %j', (args, expected) => {
    const { code, stderr } = gate('base.json', 'again.json', ...args);
    expect(stderr).toMatch(expected);
    expect(code).toBe(2);
  });
});
