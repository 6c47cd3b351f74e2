import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type { Script } from 'node:vm';
import { beforeEach, describe, expect, it } from 'vitest';
import { emptyFolder } from './support/cli.js';

const { compile, compileAll, saveCode } = createRequire(import.meta.url)('../bin/code-cache.js') as {
  readonly compile: (file: string) => Script;
  readonly compileAll: (file: string) => Script;
  readonly saveCode: (file: string, script: Script) => void;
};
const SOURCE = 'exports.answer = () => 42;';

let file: string;
beforeEach(() => {
  file = join(emptyFolder(), 'script.js');
  writeFileSync(file, SOURCE);
  saveCode(file, compileAll(file));
});

/** What a compiled script exports. */
function answerOf(script: Script): number {
  const exports = {} as { answer: () => number };
  (script.runInThisContext() as (exports: object) => void)(exports);
  return exports.answer();
}

/** The file of the code that is saved beside `file`. */
function codeFile(): string {
  const [folder] = readdirSync(join(file, '..')).filter((name) => name.startsWith('code-'));
  return join(file, '..', folder, 'script.js');
}

describe('saved code of a script', () => {
  it('is taken', () => {
    const script = compile(file);
    expect(script.cachedDataRejected).toBe(false);
    expect(answerOf(script)).toBe(42);
  });

  it.each(['at its beginning', 'in the middle', 'at its end'])('is left aside when it is damaged %s', (place) => {
    const code = readFileSync(codeFile());
    const at = { 'at its beginning': 0, 'in the middle': code.length >> 1, 'at its end': code.length - 1 }[place] ?? 0;
    code[at] = code[at] ^ 1;
    writeFileSync(codeFile(), code);
    expect(isAskedToTakeCode()).toBe(false);
    expect(answerOf(compile(file))).toBe(42);
  });

  it('is left aside when it is cut off', () => {
    writeFileSync(codeFile(), readFileSync(codeFile()).subarray(0, 20));
    expect(isAskedToTakeCode()).toBe(false);
    expect(answerOf(compile(file))).toBe(42);
  });

  it('is left aside when it is that of another source, even of the same length', () => {
    writeFileSync(file, SOURCE.replace('42', '43'));
    expect(isAskedToTakeCode()).toBe(false);
    expect(answerOf(compile(file))).toBe(43);
  });

  it('is left aside when V8 finds that it is for another V8', () => {
    const other = execFileSync(process.execPath, ['--no-opt', '-p', rejection(file)], { encoding: 'utf8' });
    expect(other).toBe('true\n');
  });

  it('of another version of node, or for another processor, is not looked at', () => {
    const own = join(codeFile(), '..');
    renameSync(own, join(own, '../code-v18.0.0-riscv64'));
    expect(isAskedToTakeCode()).toBe(false);
  });
});

/** V8 says of code that it is given whether it rejects it. */
function isAskedToTakeCode(): boolean {
  return compile(file).cachedDataRejected !== undefined;
}

/** An expression for node: has V8 rejected the code of `script`? */
function rejection(script: string): string {
  return `require(${JSON.stringify(resolve('bin/code-cache.js'))}).compile(${JSON.stringify(script)}).cachedDataRejected`;
}

describe('the command', () => {
  const folder = resolve('build/command');
  const scripts = readdirSync(folder).filter((name) => name.endsWith('.js') && name !== 'worker.js');

  it('has code for all of its scripts, and V8 takes it', () => {
    const rejections = scripts.map((name) => rejection(join(folder, name)));
    const all = execFileSync(process.execPath, ['-p', `String([${rejections.join()}])`], { encoding: 'utf8' });
    expect(all.trim()).toBe(scripts.map(() => 'false').join());
  });

  it('consists of characters of one byte', () => {
    const others = scripts.filter((name) => readFileSync(join(folder, name)).some((byte) => byte >= 0x80));
    expect(others).toEqual([]);
  });
});
