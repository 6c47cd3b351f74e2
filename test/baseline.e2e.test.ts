import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { resultText, sealResult, type SavedResult } from '../src/result/saved-result.js';
import { emptyFolder, ipivBench } from './support/cli.js';

const QUICK = ['--runs', '1', '--iterations', '64', '--set', 'warmup=8', '--no-save'];
const folder = emptyFolder();

function measure(file: string, ...args: readonly string[]): void {
  const { code, stderr } = ipivBench(['run', 'x2apic', ...QUICK, '-o', file, ...args], folder);
  if (code !== 0) throw new Error(stderr);
}

const saved = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as SavedResult;
const update = (...args: readonly string[]) => ipivBench(['baseline', 'update', ...args], folder);

beforeAll(() => {
  measure('old.json', '--iterations', '65');
  measure('new.json');
}, 60_000);

describe('baseline update', () => {
  it('makes a first baseline, with its reason', () => {
    const { code, stdout } = update('base.json', 'old.json', '--reason', 'where we start');
    expect(stdout).toBe('base.json: first baseline, 2 rows\n');
    expect(code).toBe(0);
    expect(saved('base.json')).toEqual({
      ...saved('old.json'),
      baseline: { reason: 'where we start', replaces: null },
    });
  });

  it('replaces it, says what moved, and remembers what it replaced', () => {
    const { code, stdout } = update('base.json', 'new.json', '--reason', '  fewer\niterations ');
    expect(stdout).toMatch(/^base\.json: replaced, 2 of 2 rows are not as they were\nmoved: workload=ipi /);
    expect(code).toBe(0);
    const { digest, baseline } = saved('base.json');
    expect(digest).toBe(saved('new.json').digest);
    expect(baseline).toEqual({ reason: 'fewer iterations', replaces: saved('old.json').digest });
  });

  it('is a result as before, and gate shows its reason', () => {
    const { code, stdout } = ipivBench(['gate', 'base.json', 'new.json'], folder);
    expect(stdout).toBe('gate passed: 2 of 2 rows unchanged or within limits\nbaseline: fewer iterations\n');
    expect(code).toBe(0);
  });

  it('leaves an equal baseline as it is', () => {
    const before = readFileSync(join(folder, 'base.json'), 'utf8');
    const { code, stdout } = update('base.json', 'new.json', '--reason', 'again');
    expect(stdout).toBe('base.json is this result already: left as it is\n');
    expect(readFileSync(join(folder, 'base.json'), 'utf8')).toBe(before);
    expect(code).toBe(0);
  });

  it.each([
    ['no reason', ['x.json', 'new.json'], /^error: required option '--reason <text>' not specified/],
    ['an empty reason', ['x.json', 'new.json', '--reason', ' '], /^error: --reason: is empty; say why/],
    ['a result that is none', ['x.json', 'none.json', '--reason', 'r'], /^error: none\.json: no such file/],
    ['an interrupted result', ['x.json', 'part.json', '--reason', 'r'], /^error: part\.json: was interrupted; /],
    ['to overwrite something else', ['notes.txt', 'new.json', '--reason', 'r'], /^error: notes\.txt:1:1: not a saved/],
  ])('refuses %s', (_, args, expected) => {
    writeFileSync(join(folder, 'notes.txt'), 'keep me');
    const { digest: _digest, environment, ...rest } = saved('new.json');
    writeFileSync(join(folder, 'part.json'), resultText(sealResult({ ...rest, interrupted: true }, environment)));
    const { code, stdout, stderr } = update(...args);
    expect(stderr).toMatch(expected);
    expect(stdout).toBe('');
    expect(code).toBe(2);
    expect(existsSync(join(folder, 'x.json'))).toBe(false);
    expect(readFileSync(join(folder, 'notes.txt'), 'utf8')).toBe('keep me');
  });
});
