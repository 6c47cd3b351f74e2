import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { problemText } from '../scenario/problem.js';
import { writeOutput } from './output-file.js';

const folder = (): string => mkdtempSync(join(tmpdir(), 'ipiv-bench-'));

it('replaces a file whole and leaves no temporary one', () => {
  const path = join(folder(), 'a.txt');
  writeFileSync(path, 'a longer text that was there before');
  expect(writeOutput(path, 'new')).toBeNull();
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(readdirSync(join(path, '..'))).toEqual(['a.txt']);
});

it('makes the folder', () => {
  const path = join(folder(), 'deep/er/a.txt');
  expect(writeOutput(path, 'x')).toBeNull();
  expect(existsSync(path)).toBe(true);
});

it.runIf(existsSync('/dev/full'))('says that a device is full', () => {
  const problem = writeOutput('/dev/full', 'x');
  expect(problem && problemText(problem)).toBe(
    '/dev/full: cannot write: no space left on the device; free some space or write elsewhere',
  );
});

it('does not replace a folder', () => {
  const path = folder();
  expect(writeOutput(path, 'x')).not.toBeNull();
  expect(readdirSync(join(path, '..')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

it('says that a part of the path is a file', () => {
  const path = join(folder(), 'plain');
  writeFileSync(path, '');
  const problem = writeOutput(join(path, 'a.txt'), 'x');
  expect(problem?.message).toBe('cannot write: a part of the path is not a directory');
});

it('writes piece by piece, and nothing of what cannot be made to its end', () => {
  const path = join(folder(), 'a.bin');
  expect(writeOutput(path, [Uint8Array.of(1, 2), Uint8Array.of(3)])).toBeNull();
  expect([...readFileSync(path)]).toEqual([1, 2, 3]);
  const broken = function* (): Generator<Uint8Array> {
    yield Uint8Array.of(9);
    throw new RangeError('a bug');
  };
  expect(() => writeOutput(path, broken())).toThrow('a bug');
  expect([...readFileSync(path)]).toEqual([1, 2, 3]);
  expect(readdirSync(join(path, '..'))).toEqual(['a.bin']);
});

it.runIf(existsSync('/proc/self'))('says where no folder can be made', () => {
  const problem = writeOutput('/proc/nothing/there/a.txt', 'x');
  expect(problem && problemText(problem)).toBe(
    '/proc/nothing/there/a.txt: cannot write: no folder can be made there; write elsewhere',
  );
});
