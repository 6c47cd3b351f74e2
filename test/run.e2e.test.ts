import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { mostCycles, type StepName } from '../src/cost/step.js';
import {
  bash,
  emptyFolder,
  ipivBench,
  ROOT,
  savedFiles,
  savedIn,
  interruptAfterFirstResult,
  type Finished,
} from './support/cli.js';

const QUICK = ['--runs', '2', '--iterations', '64', '--set', 'warmup=8'];
const X2APIC = join(ROOT, 'scenarios/x2apic.json');

function scenario(folder: string, text: string): string {
  writeFileSync(join(folder, 's.json'), text);
  return 's.json';
}

describe('run', () => {
  const folder = emptyFolder();
  let finished: Finished;

  beforeAll(() => {
    finished = ipivBench(['run', X2APIC, ...QUICK], folder);
  });

  it('prints the table, and nothing else, on stdout', () => {
    expect(finished.stdout).toMatch(/^ipi, 2 vCPUs, AP halt policy spin, KVM 5\.19\n/);
    expect(finished.stdout).toMatch(/Average cycles .*\n%Reduction +-\d+\.\d\d%\n/);
    expect(finished.stdout).not.toContain('saved');
    expect(finished.code).toBe(0);
  });

  it('saves the result and says where', () => {
    const [file] = savedFiles(folder);
    expect(finished.stderr).toBe(`saved ${file.slice(folder.length + 1)}\n`);
    const [result] = savedIn(folder);
    expect(result).toMatchObject({ kind: 'ipiv-bench-result', schemaVersion: 1, interrupted: false, seed: 1 });
    expect(result.cases.map(({ runs }) => runs.length)).toEqual([2, 2]);
  });

  it('takes the name of a shipped scenario', () => {
    expect(ipivBench(['run', 'x2apic', ...QUICK, '--no-save'], folder)).toMatchObject({
      code: 0,
      stdout: finished.stdout,
    });
  });
});

describe('determinism', () => {
  it('gives the same bytes again, with one job and with two', () => {
    const texts = [1, 1, 2].map((jobs) => {
      const folder = emptyFolder();
      ipivBench(['run', X2APIC, ...QUICK, '--jobs', String(jobs)], folder);
      const { environment: _, ...deterministic } = savedIn(folder)[0];
      return JSON.stringify(deterministic);
    });
    expect(new Set(texts).size).toBe(1);
  });

  it('depends on the seed', () => {
    const digests = ['1', '2'].map((seed) => {
      const folder = emptyFolder();
      ipivBench(['run', X2APIC, ...QUICK, '--seed', seed], folder);
      return savedIn(folder)[0].cases.map(({ summary }) => summary.average?.mean);
    });
    expect(digests[0]).not.toEqual(digests[1]);
  });
});

describe('reports', () => {
  it('go to files, the table to stdout', () => {
    const folder = emptyFolder();
    const outputs = ['-o', 'a.csv', '-o', 'vmexit=b.log', '-o', 'c.md', '-o', 'deep/d.json'];
    const { stdout, code } = ipivBench(['run', X2APIC, ...QUICK, '--no-save', ...outputs], folder);
    expect(code).toBe(0);
    expect(stdout).toContain('Average cycles');
    expect(readFileSync(join(folder, 'a.csv'), 'utf8').split('\r\n')).toHaveLength(6);
    expect(readFileSync(join(folder, 'b.log'), 'utf8')).toMatch(/^# .*\nipi \d+\n {2}ipi ipi \d+\n#/);
    expect(readFileSync(join(folder, 'c.md'), 'utf8')).toContain('| **Average cycles** |');
    expect(readFileSync(join(folder, 'deep/d.json'), 'utf8')).toContain('"kind": "ipiv-bench-result"');
  });

  it('can take the place of the table on stdout', () => {
    const folder = emptyFolder();
    expect(ipivBench(['run', X2APIC, ...QUICK, '--no-save', '--format', 'csv'], folder).stdout).toMatch(
      /^scenario,case,/,
    );
    expect(ipivBench(['run', X2APIC, ...QUICK, '--no-save', '-o', 'csv=-'], folder).stdout).toMatch(/^scenario,case,/);
    expect(existsSync(join(folder, 'results'))).toBe(false);
  });

  it('have colour only where it is wanted', () => {
    const folder = emptyFolder();
    const stdout = (args: readonly string[], env = {}) =>
      ipivBench(['run', X2APIC, ...QUICK, '--no-save', ...args], folder, env).stdout;
    expect(stdout([])).not.toContain('\u001b');
    expect(stdout([], { FORCE_COLOR: '1' })).toContain('\u001b');
    expect(stdout([], { FORCE_COLOR: '1', NO_COLOR: '1' })).not.toContain('\u001b');
    expect(
      ipivBench(['--color', 'always', 'run', X2APIC, ...QUICK, '--no-save'], folder, { NO_COLOR: '1' }).stdout,
    ).toContain('\u001b');
  });
});

describe('a reader or a disk that takes no more', () => {
  it('ends quietly when the reader has seen enough', () => {
    const folder = emptyFolder();
    const { stdout, stderr, code } = bash(
      `set -o pipefail; $B run ${X2APIC} --no-save --format json --runs 20 --iterations 8 | head -3`,
      folder,
    );
    expect(stdout.split('\n')).toHaveLength(4);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  it('says that a device is full, and has saved the result before', () => {
    const folder = emptyFolder();
    const { stderr, stdout, code } = ipivBench(['run', X2APIC, ...QUICK, '-o', 'csv=/dev/full'], folder);
    expect(stderr).toContain('error: /dev/full: cannot write: no space left on the device');
    expect(stdout).toContain('Average cycles');
    expect(savedIn(folder)).toHaveLength(1);
    expect(code).toBe(2);
  });

  it('says that stdout is full', () => {
    const { stderr, code } = bash(`$B run ${X2APIC} ${QUICK.join(' ')} --no-save > /dev/full`, emptyFolder());
    expect(stderr).toContain('error: standard output: cannot write: no space left on the device');
    expect(code).toBe(2);
  });

  it('leaves nothing half written at the file size limit', () => {
    const folder = emptyFolder();
    const { stderr, code } = bash(`ulimit -f 1; $B run ${X2APIC} ${QUICK.join(' ')} > /dev/null`, folder);
    expect(stderr).toMatch(/^error: results\/x2apic-.*: cannot write: larger than the file size limit/);
    expect(readdirSync(join(folder, 'results'))).toEqual([]);
    expect(code).toBe(2);
  });
});

describe('progress', () => {
  it('shows on a terminal how much is done and how long the rest takes, and wipes it away', ({ skip }) => {
    if (spawnSync('script', ['--version']).error !== undefined) skip('needs `script` of util-linux to have a terminal');
    const command = `$B run ${X2APIC} --runs 40 --iterations 64 --jobs 2 --no-save 2>&1 >/dev/null`;
    const { stdout } = bash(`script -qec '${command}' /dev/null`, emptyFolder());
    expect(stdout).toMatch(/\u001b\[2Kx2apic \[#+ +\] \d+\/80, \d+:\d\d left, workload=ipi /);
    expect(stdout.endsWith('\r\u001b[2K')).toBe(true);
  });

  it('is not shown in CI or to a pipe', () => {
    expect(ipivBench(['run', X2APIC, ...QUICK, '--no-save'], emptyFolder(), { CI: '1' }).stderr).toBe('');
  });
});

describe('Ctrl-C', () => {
  it.each([1, 2])('saves the runs that are finished (%i jobs)', async (jobs) => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'a.json'), '{ "runs": 1, "iterations": 8 }');
    writeFileSync(join(folder, 'b.json'), '{ "runs": 20000 }');
    const code = await interruptAfterFirstResult(['run', 'a.json', 'b.json', '--jobs', String(jobs)], folder);
    expect(code).toBe(130);
    const [complete, result] = savedIn(folder);
    expect(complete.interrupted).toBe(false);
    expect(result.interrupted).toBe(true);
    expect(result.cases[0].runs.length).toBeGreaterThan(0);
    expect(result.cases[0].runs.length).toBeLessThan(20000);
  });
});

describe('bad input', () => {
  const complaint = (text: string, args: readonly string[] = []) => {
    const folder = emptyFolder();
    const { code, stdout, stderr } = ipivBench(['run', scenario(folder, text), ...args], folder);
    expect(stdout).toBe('');
    expect(readdirSync(folder)).toEqual(['s.json']);
    return `${code}: ${stderr.trimEnd()}`;
  };

  it.each([
    ['an unknown key', '{ "vcpu": 2 }', /^2: error: s\.json:1:3: unknown key "vcpu"; did you mean "vcpus"\?/],
    ['a wrong type', '{ "vcpus": "two" }', /^2: error: s\.json:1:12: "vcpus" is "two"; allowed: a whole number/],
    [
      'a wrong value',
      '{ "apicMode": "x2" }',
      /^2: error: s\.json:1:15: "apicMode" is "x2"; allowed: "xapic" or "x2apic"/,
    ],
    ['truncated JSON', '{ "vcpus": 2,', /^2: error: s\.json:1:14: JSON ends too early/],
    [
      'IPIv without APICv',
      '{ "kvm": { "enableApicv": false } }',
      /^2: error: s\.json:1:1: IPI virtualization needs APICv/,
    ],
    [
      'user interrupts without APICv',
      '{ "workload": "senduipi", "ipiv": false, "cpu": { "uintr": true }, "kvm": { "enableApicv": false } }',
      /^2: error: s\.json:1:92: workload senduipi needs APICv/,
    ],
    ['one vCPU', '{ "vcpus": 1 }', /^2: error: s\.json:1:12: workload ipi needs at least 2 vCPUs/],
    [
      'a phase without a loop',
      '{ "workload": "cpuid", "apPhase": 4 }',
      /^2: error: s\.json:1:35: workload cpuid has no handler that returns to an idle loop \(case .*\); leave apPhase out, or /,
    ],
    ['too many vCPUs', '{ "vcpus": 2000, "kvm": { "version": "v1" } }', /^2: error: s\.json:1:12: .*2000/],
    ['an unknown profile', '{ "profile": "fast" }', /^2: error: s\.json:1:14: no profile "fast"; built in: ipiv-v1, /],
    [
      'a profile that cannot be read',
      '{ "profile": "none.json" }',
      /^2: error: s\.json:1:14: profile .*none\.json cannot be read: no such file; /,
    ],
  ])('%s', (_, text, expected) => {
    expect(complaint(text)).toMatch(expected);
  });

  it.each([
    ['--set', ['--set', 'vcpu=4'], /^2: error: --set vcpu=4: unknown key "vcpu"; did you mean "vcpus"\?/],
    ['--runs', ['--runs', '0'], /^2: error: --runs 0: "runs" is 0; allowed: a whole number from 1 to 1000000/],
    ['--output', ['-o', 'cvs=a'], /^2: error: --output cvs=a: unknown format "cvs"; did you mean "csv"\?/],
    ['--format', ['--format', 'xml'], /^2: error: option '--format <format>' argument 'xml' is invalid/],
    ['an unknown option', ['--fromat', 'csv'], /^2: error: unknown option '--fromat'/],
  ])('%s', (_, args, expected) => {
    expect(complaint('{}', args)).toMatch(expected);
  });

  it('a missing scenario', () => {
    const { code, stderr } = ipivBench(['run', 'no.json'], emptyFolder());
    expect(stderr).toMatch(/^error: no\.json: no such file/);
    expect(code).toBe(2);
  });

  it('a folder in place of a scenario', () => {
    const { code, stderr } = ipivBench(['run', '.'], emptyFolder());
    expect(stderr).toMatch(/^error: \.: is a directory/);
    expect(code).toBe(2);
  });
});

it('a wrong profile names its problem and where it stands', () => {
  const folder = emptyFolder();
  writeFileSync(join(folder, 'p.json'), '{\n  "name": 1\n}\n');
  const { code, stdout, stderr } = ipivBench(['run', X2APIC, '--profile', './p.json'], folder);
  expect(stderr).toBe(
    'error: ./p.json:2:11: "name" is 1; allowed: a text\n' +
      'error: ./p.json:1:1: the profile lacks "description" and 6 more; add "description", "groups", "lineOccupancy", "distance", "noise", "classes", "steps"\n',
  );
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

it('a guest that does not end is reported with 4, and what it came to is saved', () => {
  const folder = emptyFolder();
  const profile = JSON.parse(readFileSync(join(ROOT, 'src/cost/profiles/ipiv-v1.json'), 'utf8')) as {
    steps: Record<string, { value: number }>;
  };
  for (const [name, step] of Object.entries(profile.steps))
    if (mostCycles(name as StepName) === Infinity) step.value = 1e6;
  writeFileSync(join(folder, 'dear.json'), JSON.stringify(profile));
  const settings = ['--runs', '1', '--iterations', '5000000', '--set', 'workload=vmcall', '--set', 'ipiv=true'];
  const { code, stdout, stderr } = ipivBench(['run', X2APIC, '--profile', './dear.json', ...settings], folder);
  expect(stderr).toMatch(
    /^error: the guest failed in run 1 of workload=vmcall .*: the guest has not ended: .*\n {2}vCPU 0 /m,
  );
  expect(stdout).toMatch(/^vmcall, 2 vCPUs/);
  expect(savedIn(folder)[0].cases).toMatchObject([{ runs: [], failures: [{ run: 1 }] }]);
  expect(code).toBe(4);
});
