import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CostProfile } from '../src/cost/profile.js';
import { resultText, sealResult, type SavedResult } from '../src/result/saved-result.js';
import { emptyFolder, ipivBench, ROOT } from './support/cli.js';

const QUICK = ['--runs', '2', '--iterations', '64', '--set', 'warmup=8', '--no-save'];
const folder = emptyFolder();

function run(file: string, ...args: readonly string[]): void {
  const { code, stderr } = ipivBench(['run', 'x2apic', ...QUICK, '-o', file, ...args], folder);
  if (code !== 0) throw new Error(stderr);
}

function importLog(file: string, text: string): void {
  writeFileSync(join(folder, 'lab.log'), text);
  const { code, stderr } = ipivBench(['import', 'lab.log', '-o', file, '--set', 'apHaltPolicy=spin'], folder);
  if (code !== 0) throw new Error(stderr);
}

const lines = (...cycles: readonly number[]): string => cycles.map((each) => `ipi ${each}\n`).join('');
const compare = (...args: string[]) => ipivBench(['compare', ...args], folder);

beforeAll(() => {
  run('base.json');
  run('again.json');
  run('newer.json', '--set', 'kvm.version=6.12');
  importLog('lab1.json', lines(4000, 4010, 4020, 4030, 4040, 4050));
  importLog('lab2.json', lines(3900, 3910, 3920, 3930, 3940, 3950));
}, 60_000);

describe('compare', () => {
  it('finds equal runs equal, exactly', () => {
    const { code, stdout, stderr } = compare('base.json', 'again.json', '--exits', '--steps');
    expect(stdout).toMatch(/^ipiv=off .* same\nipiv=on .* same\ngeometric mean .* 0\.00% over 2 rows$/m);
    expect(stdout).toMatch(/^\d+ figures are the same everywhere$/m);
    expect(stdout).not.toContain('p=');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('tests measured against measured', () => {
    const { code, stdout } = compare('lab1.json', 'lab2.json');
    expect(stdout).toMatch(/4025\.00 +3925\.00 {2}-2\.48% \[-.*%, -.*%\] \(p=0\.002 n=6\+6\)$/m);
    expect(code).toBe(0);
  });

  it('gives the error of the model against hardware, and names the row without a partner', () => {
    const { stdout } = compare('lab1.json', 'base.json', 'lab2.json');
    expect(stdout).toMatch(/^the only case .* model error [-+]\d+\.\d\d \(.*%\) .* \(p=0\.002 n=6\+6\)$/m);
    expect(stdout).toMatch(/^without a partner in every result: 1\n {2}.* ipiv=on .* \(base\)$/m);
    expect(stdout).toMatch(/^note: no p-values or intervals where a side is emulated/m);
  });

  it('takes the reference that it is told', () => {
    expect(compare('lab1.json', 'lab2.json', '--reference', 'lab2.json').stdout).toMatch(/lab2 \(reference, hardware/);
    expect(compare('lab1.json', '--reference', 'lab2.json').stdout).toMatch(/lab2 \(reference, hardware/);
  });

  it('writes every format', () => {
    const files = ['c.csv', 'c.tsv', 'c.json', 'c.md', 'c.tap', 'bmf=c.bmf', 'c.txt'];
    const { code } = compare('base.json', 'again.json', ...files.flatMap((file) => ['-o', file]));
    expect(code).toBe(0);
    expect(readFileSync(join(folder, 'c.csv'), 'utf8')).toMatch(/^table,case,figure,result,/);
    expect(readFileSync(join(folder, 'c.tap'), 'utf8')).toMatch(/^TAP version 14\n1\.\.2\nok 1 /);
    expect(JSON.parse(readFileSync(join(folder, 'c.json'), 'utf8'))).toMatchObject({ kind: 'ipiv-bench-comparison' });
  });

  it('says what keeps rows apart when there is no common one, and ignores it on request', () => {
    const { code, stdout, stderr } = compare('base.json', 'newer.json');
    expect(stderr).toBe(
      'error: base, newer: no case in common; what keeps them apart: kvm.version; --ignore kvm.version puts them side by side\n',
    );
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(compare('base.json', 'newer.json', '--ignore', 'kvm.version').code).toBe(0);
  });

  it('is inconclusive where no row has the metric on both sides', () => {
    const { code, stderr } = compare('lab1.json', 'base.json', '--metric', 'sender-cycles');
    expect(stderr).toMatch(/^error: lab1, base: no common case has sender-cycles on both sides; /);
    expect(code).toBe(3);
  });

  it('is inconclusive with a result of another schema', () => {
    const text = readFileSync(join(folder, 'base.json'), 'utf8');
    writeFileSync(join(folder, 'other.json'), text.replace('"schemaVersion": 1', '"schemaVersion": 9'));
    const { code, stderr } = compare('base.json', 'other.json');
    expect(stderr).toMatch(/^error: other\.json: result schema 9, /);
    expect(code).toBe(3);
  });

  it.each([
    ['one result', ['base.json'], /one result has nothing to be compared with/],
    ['a missing file', ['base.json', 'none.json'], /^error: none\.json: no such file/],
    [
      'a log that was not imported',
      ['base.json', 'lab.log'],
      /^error: lab\.log:1:1: not a saved result; .*`ipiv-bench import`/,
    ],
    ['a half-written result', ['base.json', 'half.json'], /^error: half\.json:\d+:\d+: JSON ends too early/],
    [
      'an unknown metric',
      ['base.json', 'again.json', '--metric', 'exit'],
      /unknown metric "exit"; did you mean "exits"/,
    ],
    ['an unknown setting', ['base.json', 'again.json', '--ignore', 'vcpu'], /unknown key "vcpu"; did you mean "vcpus"/],
    ['two cases in one row', ['base.json', 'again.json', '--ignore', 'ipiv'], /two of its cases become one/],
  ])('refuses %s', (_, args, expected) => {
    writeFileSync(join(folder, 'half.json'), readFileSync(join(folder, 'base.json'), 'utf8').slice(0, 3000));
    const { code, stdout, stderr } = compare(...args);
    expect(stderr).toMatch(expected);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});

describe('show', () => {
  it('prints a saved result as `run` did', () => {
    const formats = ['csv', 'tsv', 'tap', 'bmf', 'markdown', 'vmexit', 'json'];
    const outputs = (name: string) => formats.flatMap((format) => ['-o', `${format}=${name}.${format}`]);
    const ran = ipivBench(['run', 'x2apic', ...QUICK, ...outputs('ran')], folder);
    expect(ipivBench(['show', 'ran.json', ...outputs('shown')], folder)).toEqual(ran);
    for (const format of formats) {
      expect(readFileSync(join(folder, `shown.${format}`), 'utf8')).toBe(
        readFileSync(join(folder, `ran.${format}`), 'utf8'),
      );
    }
  });

  it('verifies by running again', () => {
    const { code, stdout } = ipivBench(['show', 'base.json', '--verify'], folder);
    expect(stdout).toMatch(/^verified: the same again, sha256:[0-9a-f]{64}\n$/);
    expect(code).toBe(0);
  });

  it('verifies with the profile that was saved, whatever has become of it', () => {
    const profile = readFileSync(join(ROOT, 'src/cost/profiles/ipiv-v1.json'), 'utf8');
    writeFileSync(join(folder, 'p.json'), profile);
    run('priced.json', '--profile', './p.json');
    const changed = JSON.parse(profile) as { steps: Record<string, { value: number }> };
    changed.steps['vm-exit'].value += 1;
    writeFileSync(join(folder, 'p.json'), JSON.stringify(changed));
    const { code, stdout, stderr } = ipivBench(['show', 'priced.json', '--verify'], folder);
    expect(stderr).toBe('note: profile ./p.json is not what it was; the saved one was used\n');
    expect(stdout).toMatch(/^verified: /);
    expect(code).toBe(0);
  });

  it('says what is no longer so', () => {
    const {
      digest: _,
      environment,
      ...saved
    } = JSON.parse(readFileSync(join(folder, 'base.json'), 'utf8')) as SavedResult;
    const profiles = structuredClone(saved.profiles) as Record<string, CostProfile>;
    profiles['ipiv-v1'].steps['vm-exit'].value += 1;
    writeFileSync(join(folder, 'dearer.json'), resultText(sealResult({ ...saved, profiles }, environment)));
    const { code, stdout } = ipivBench(['show', 'dearer.json', '--verify'], folder);
    expect(stdout).toMatch(/^not the same: sha256:\w+, saved was sha256:\w+\ngate failed: \d of 2 rows unchanged/);
    expect(code).toBe(1);
  });

  it('cannot verify hardware', () => {
    const { code, stderr } = ipivBench(['show', 'lab1.json', '--verify'], folder);
    expect(stderr).toMatch(/^error: lab1\.json: measured on real hardware: it cannot be run again/);
    expect(code).toBe(2);
  });
});
