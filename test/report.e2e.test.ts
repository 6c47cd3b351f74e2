import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { resultText, sealResult, type SavedResult } from '../src/result/saved-result.js';
import { bash, emptyFolder, ipivBench, ROOT } from './support/cli.js';

const folder = emptyFolder();
const POSTING = join(ROOT, 'results/measured/ipiv-v1.json');
const path = (name: string): string => join(folder, name);
const page = (name = 'out.html'): string => readFileSync(path(name), 'utf8');
const result = (name: string): SavedResult => JSON.parse(readFileSync(path(name), 'utf8')) as SavedResult;

beforeAll(() => {
  const quick = ['--set', 'iterations=64', '--runs', '3', '--no-save'];
  expect(ipivBench(['run', 'x2apic', ...quick, '-o', 'x2apic.json'], folder).code).toBe(0);
}, 60_000);

describe('report', () => {
  it('writes one page and nothing on stdout', () => {
    const finished = ipivBench(['report', 'x2apic.json', '--html', 'out.html'], folder);
    expect(finished).toEqual({ code: 0, stdout: '', stderr: 'wrote out.html\n' });
    expect(page()).toMatch(/^<!doctype html>/);
  });

  it('gives the same bytes again, on stdout too', () => {
    const again = ipivBench(['report', 'x2apic.json', '--html', '-'], folder);
    expect(again).toEqual({ code: 0, stdout: page(), stderr: '' });
  });

  it('explains the run nearest to the mean, and draws the time line of both cases', () => {
    const text = page();
    expect(text.match(/<figure id="r0-time-line-\d+"/g)).toHaveLength(1);
    const drawn = [...text.matchAll(/>IPIv o(?:ff|n): (\d+)<\/text>/g)].map(([, cycles]) => Number(cycles));
    const nearestTo = (runs: readonly number[], value: number): number =>
      runs.reduce((best, run) => (Math.abs(run - value) < Math.abs(best - value) ? run : best));
    result('x2apic.json').cases.forEach(({ runs: records }, index) => {
      const runs = records.map(({ outer }) => outer);
      const mean = runs.reduce((sum, outer) => sum + outer, 0) / runs.length;
      expect(nearestTo(runs, drawn[index])).toBe(nearestTo(runs, mean));
    });
  });

  it('draws no time line where none is wanted', () => {
    const { stdout } = ipivBench(['report', 'x2apic.json', '--html', '-', '--time-lines', '0'], folder);
    expect(stdout).not.toContain('time-line');
    expect(stdout).toContain('What the CPUs do');
  });

  it('gives a scenario that leads to the same digest', () => {
    const [, json] = /<pre tabindex="0" class="scenario"><code>([^]*?)<\/code>/.exec(page()) ?? [];
    const text = json.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
    writeFileSync(path('again.json'), text);
    const { code } = ipivBench(['run', 'again.json', '--no-save', '-o', 'json=rerun.json'], folder);
    expect({ code, digest: result('rerun.json').digest }).toEqual({ code: 0, digest: result('x2apic.json').digest });
  });

  it('puts emulated and measured results side by side, and names the error of the model', () => {
    const quick = ['--set', 'noise=off', '--runs', '1', '--no-save', '-o', 'model.json'];
    expect(ipivBench(['run', 'ipiv-v1', ...quick], folder).code).toBe(0);
    const { code } = ipivBench(['report', POSTING, 'model.json', '--html', 'out.html', '--time-lines', '1'], folder);
    expect(code).toBe(0);
    expect(page().match(/<span class="model-error">/g)).toHaveLength(4);
    expect(page()).toContain('Time lines were made of 1 of 4 cases.');
    expect(page()).toContain('nobody can look into the machine');
  });

  it('says why there is no time line where this version gives other cycles', () => {
    const { environment, digest: _, ...saved } = result('x2apic.json');
    const [first, ...rest] = saved.cases;
    const runs = first.runs.map((run) => ({ ...run, outer: run.outer + 1 }));
    const other = sealResult({ ...saved, cases: [{ ...first, runs }, ...rest] }, environment);
    writeFileSync(path('other.json'), resultText(other));
    const { stdout, code } = ipivBench(['report', 'other.json', '--html', '-'], folder);
    expect(code).toBe(0);
    expect(stdout).toMatch(/No time line of 1 case: this version makes it [\d.]+ cycles instead of [\d.]+\./);
  });

  it('ends quietly when its reader has seen enough', () => {
    const { stdout, stderr } = bash('$B report x2apic.json --html - --time-lines 0 | head -1', folder);
    expect({ stdout, stderr }).toEqual({ stdout: '<!doctype html>\n', stderr: '' });
  });
});

describe('report refuses', () => {
  beforeAll(() => {
    const text = readFileSync(path('x2apic.json'), 'utf8');
    writeFileSync(path('empty.json'), '');
    writeFileSync(path('half.json'), text.slice(0, text.length / 2));
    writeFileSync(path('damaged.json'), text.replace('"runs": 3', '"runs": 4'));
    writeFileSync(path('newer.json'), text.replace('"schemaVersion": 1', '"schemaVersion": 99'));
    mkdirSync(path('folder'));
  });

  it.each([
    ['a result that is not there', ['none.json'], /none\.json: no such file/, 2],
    ['an empty file', ['empty.json'], /empty\.json:1:1: .*empty or truncated|not a saved result/, 2],
    ['half a file', ['half.json'], /half\.json:\d+:\d+: JSON ends too early/, 2],
    ['a damaged result', ['damaged.json'], /damaged\.json: damaged: its digest does not match/, 2],
    ['a result of another schema', ['newer.json'], /newer\.json: result schema 99/, 3],
    ['a folder', ['folder'], /folder: is a directory/, 2],
    ['a scenario', [join(ROOT, 'scenarios/x2apic.json')], /not a saved result/, 2],
    ['all bad results at once', ['none.json', 'half.json'], /none\.json[^]*half\.json/, 2],
  ])('%s', (_, files, expected, code) => {
    const finished = ipivBench(['report', 'x2apic.json', ...files, '--html', 'refused.html'], folder);
    expect(finished.stderr).toMatch(expected);
    expect({ code: finished.code, stdout: finished.stdout }).toEqual({ code, stdout: '' });
    expect(existsSync(path('refused.html'))).toBe(false);
  });

  it.each([
    ['a folder', 'folder', /folder: cannot write: is a directory/],
    ['a file as a folder', 'x2apic.json/out.html', /cannot write: a part of the path is not a directory/],
    ['a full disk', '/dev/full', /\/dev\/full: cannot write: no space left/],
  ])('to write to %s', (_, html, expected) => {
    const { code, stderr } = ipivBench(['report', 'x2apic.json', '--html', html, '--time-lines', '0'], folder);
    expect(stderr).toMatch(expected);
    expect(code).toBe(2);
  });

  it('to write on a full stdout', () => {
    const { code, stderr } = bash('$B report x2apic.json --html - --time-lines 0 > /dev/full', folder);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('standard output: cannot write') as string,
    });
  });

  it.each([
    ['no page', ['x2apic.json'], /required option '--html <file>' not specified/],
    ['no result', ['--html', 'out.html'], /missing required argument 'result'/],
    ['a number of time lines that is none', ['x2apic.json', '--html', '-', '--time-lines', 'all'], /whole number/],
  ])('%s', (_, args, expected) => {
    const { code, stderr } = ipivBench(['report', ...args], folder);
    expect(stderr).toMatch(expected);
    expect(code).toBe(2);
  });
});
