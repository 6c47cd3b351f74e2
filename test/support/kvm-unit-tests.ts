/**
 * Unmodified images of kvm-unit-tests as they are on disk. They are not part of this project: KVM_UNIT_TESTS names a folder
 * of them, and CONTRIBUTING.md says how to build them. Tests without their image are skipped, with the reason on stderr and
 * in their name; so are those that take minutes of processor time each, unless KVM_UNIT_TESTS_LONG is set.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect } from 'vitest';
import { BIN, emptyFolder, type Finished } from './cli.js';

export const SECONDS = 1000;
export const MINUTES = 60 * SECONDS;

const images = process.env['KVM_UNIT_TESTS'] ?? '';
const long = (process.env['KVM_UNIT_TESTS_LONG'] ?? '') !== '';

/** The tests of one image, which are given its path. */
export function describeImage(image: string, tests: (file: string) => void): void {
  describeUnless(missing(image), image, tests);
}

/** Tests of one image that take minutes of processor time each. */
export function describeLong(image: string, tests: (file: string) => void): void {
  const unwanted = long ? null : 'takes minutes: set KVM_UNIT_TESTS_LONG=1';
  describeUnless(missing(image) ?? unwanted, image, tests);
}

function describeUnless(reason: string | null, image: string, tests: (file: string) => void): void {
  const body = (): void => tests(resolve(images, image));
  if (reason === null) {
    describe(image, body);
    return;
  }
  console.warn(`not tested: ${image} ${reason}`);
  describe.skip(`${image} ${reason}`, body);
}

/** Why the image cannot be had, or null. */
function missing(image: string): string | null {
  if (images === '') return 'needs KVM_UNIT_TESTS, a folder that holds it (CONTRIBUTING.md)';
  return existsSync(resolve(images, image)) ? null : `is not in KVM_UNIT_TESTS=${images}`;
}

/** Starts `ipiv-bench boot` and waits for it, or ends it when `signal`, that of the test, says that its time is over. */
export function boot(file: string, args: readonly string[], signal: AbortSignal): Promise<Finished> {
  return command(['boot', file, ...args], emptyFolder(), signal);
}

/** Any command in folder `cwd`, like `boot`. */
export async function command(args: readonly string[], cwd: string, signal: AbortSignal): Promise<Finished> {
  const child = spawn(process.execPath, [BIN, ...args], { cwd, signal, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
  const code = await new Promise<number | null>((done, failed) => child.on('error', failed).on('close', done));
  return { code, ...output };
}

/** The image's own verdict: no FAIL line, a summary without failures, exit code 0, and nothing of ours on stderr. */
export function expectPassed({ code, stdout, stderr }: Finished): void {
  const lines = stdout.split(/\r?\n/);
  expect({ failures: lines.filter((line) => line.startsWith('FAIL')), stderr }).toEqual({ failures: [], stderr: '' });
  expect(lines.find((line) => line.startsWith('SUMMARY'))).toMatch(/^SUMMARY: \d+ tests(?:, \d+ skipped)?$/);
  expect(code).toBe(0);
}
