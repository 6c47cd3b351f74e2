import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Explanation } from '../src/result/explanation.js';
import { bash, emptyFolder, ipivBench, ROOT, savedFiles } from './support/cli.js';

const folder = emptyFolder();
const IPIV_V1 = join(ROOT, 'scenarios/ipiv-v1.json');

function explained(...args: readonly string[]): Explanation {
  const { stdout, stderr, code } = ipivBench(['explain', ...args, '--format', 'json'], folder);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return JSON.parse(stdout) as Explanation;
}

describe('explain', () => {
  it('prints a time line per case and what IPIv changed, on stdout, and saves nothing', () => {
    const { stdout, stderr, code } = ipivBench(['explain', IPIV_V1], folder);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout.match(/^xAPIC mode, IPIv off: |^xAPIC mode, IPIv on: |^x2APIC mode, IPIv o/gm)).toHaveLength(4);
    expect(stdout.match(/^IPIv off against on, x2?APIC mode/gm)).toHaveLength(2);
    expect(stdout).toMatch(/^ +\d+\.\d\d +499\.84 +8\.2% +~ vm-exit +fitted +█+$/m);
    expect(() => savedFiles(folder)).toThrow();
  });

  it('agrees with what run measures without noise, to the last digit', () => {
    const { cases, pairs } = explained('ipiv-v1');
    const run = ['run', 'ipiv-v1', '--set', 'noise=off', '--runs', '1', '--no-save', '--format', 'csv'];
    const rows = ipivBench(run, folder).stdout.trim().split('\r\n');
    const column = rows[0].split(',').indexOf('exact_average_cycles');
    expect(cases.map(({ average }) => String(average))).toEqual(rows.slice(1).map((row) => row.split(',')[column]));
    for (const { path, rest, average } of cases) {
      expect(path.reduce((sum, { cycles }) => sum + cycles, rest)).toBe(average);
    }
    expect(pairs.map(({ average }) => average.difference)).toEqual([
      ...[0, 2].map((at) => cases[at + 1].average - cases[at].average),
    ]);
  });

  it('says in JSON what the data cannot tell apart', () => {
    const [{ path }] = explained('x2apic', '--set', 'ipiv=false', '--set', 'iterations=64').cases;
    const lines = path.flatMap((section) => section.lines);
    const unknown = lines.filter(({ identifiable }) => !identifiable);
    expect(unknown.map(({ name }) => name)).toEqual(expect.arrayContaining(['vm-exit', 'pi-processing']));
    expect(new Set(unknown.map(({ group }) => group))).toEqual(new Set(['exit-to-notification', 'common']));
  });

  it('gives the same bytes again', () => {
    const texts = [1, 2].map(() => ipivBench(['explain', 'x2apic', '--set', 'iterations=64'], folder).stdout);
    expect(texts[0]).toBe(texts[1]);
  });

  it.each(['ap-halt', 'no-apicv', 'senduipi'])('explains every case of %s', (scenario) => {
    const { cases } = explained(scenario, '--set', 'iterations=64');
    for (const { path, cycles } of cases) {
      expect(path.reduce((sum, section) => sum + section.cycles, 0)).toBe(cycles);
      expect(path.flatMap(({ lines }) => lines.map(({ name }) => name))).not.toContain('idle');
    }
  });

  it('uses colour only where it is wanted', () => {
    const args = ['explain', 'x2apic', '--set', 'iterations=16'];
    expect(ipivBench(['--color', 'always', ...args], folder).stdout).toContain('\u001b[1m');
    expect(ipivBench(args, folder).stdout).not.toContain('\u001b');
  });

  it('takes another profile', () => {
    const [{ profile }] = explained('x2apic', '--profile', 'prior', '--set', 'iterations=16').cases;
    expect(profile.name).toBe('prior');
  });

  it('ends quietly when its reader has seen enough', () => {
    const { stdout, stderr } = bash('$B explain x2apic --set iterations=16 | head -1', folder);
    expect(stdout).toMatch(/^x2APIC mode, IPIv off/);
    expect(stderr).toBe('');
  });
});

describe('explain refuses', () => {
  it.each([
    ['an unknown key', ['x2apic', '--set', 'vcpu=4'], /unknown key "vcpu"; did you mean "vcpus"/],
    ['a setting without a value', ['x2apic', '--set', 'vcpus'], /no "="/],
    ['a scenario that is not there', ['nowhere.json'], /nowhere\.json: no such file/],
    ['an impossible case', ['x2apic', '--set', 'vcpus=1'], /needs at least 2 vCPUs/],
    ['an unknown profile', ['x2apic', '--profile', 'none'], /no profile "none"/],
    ['an unknown format', ['x2apic', '--format', 'csv'], /argument 'csv' is invalid/],
  ])('%s', (_, args, expected) => {
    const { stdout, stderr, code } = ipivBench(['explain', ...args], folder);
    expect(stderr).toMatch(expected);
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
  });
});
