import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { SavedResult } from '../../src/result/saved-result.js';

/** The command under test; IPIV_BENCH_BIN names another one, such as an installed package. */
export const BIN = resolve(process.env['IPIV_BENCH_BIN'] ?? 'bin/ipiv-bench.js');
export const ROOT = resolve('.');

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment of a test: no colour settings, no CI, no debugging. */
function environment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { NO_COLOR: _n, FORCE_COLOR: _f, CI: _c, DEBUG: _d, ...rest } = process.env;
  return { ...rest, ...extra };
}

/** An empty folder to run in. */
export function emptyFolder(): string {
  return mkdtempSync(join(tmpdir(), 'ipiv-bench-'));
}

/** Runs `ipiv-bench` in `cwd` and waits for it. */
export function ipivBench(args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): Finished {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
    cwd,
    env: environment(env),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { code: status, stdout, stderr };
}

/** Runs a line of bash in `cwd`, in which `$B` is the command. */
export function bash(line: string, cwd: string, env: Readonly<Record<string, string>> = {}): Finished {
  const all = environment({ B: `${process.execPath} ${BIN}`, ...env });
  const { status, stdout, stderr } = spawnSync('bash', ['-c', line], { cwd, env: all, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

/** Starts `ipiv-bench`, interrupts it some time after it has saved its first result, and waits for it. */
export async function interruptAfterFirstResult(args: readonly string[], cwd: string): Promise<number | null> {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd,
    env: environment({}),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.once('data', () => setTimeout(() => child.kill('SIGINT'), 4000));
  return new Promise((resolve) => child.on('exit', resolve));
}

/** Starts `ipiv-bench`, interrupts it as soon as it has written something to stdout, and waits for it. */
export async function interruptAfterOutput(args: readonly string[], cwd: string): Promise<Finished> {
  const child = spawn(process.execPath, [BIN, ...args], { cwd, env: environment({}) });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  child.stdout.once('data', () => child.kill('SIGINT'));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

/** Saved results in a folder, in the order of their names. */
export function savedIn(folder: string): SavedResult[] {
  return savedFiles(folder).map((file) => JSON.parse(readFileSync(file, 'utf8')) as SavedResult);
}

export function savedFiles(folder: string): string[] {
  return readdirSync(join(folder, 'results'))
    .sort()
    .map((file) => join(folder, 'results', file));
}
