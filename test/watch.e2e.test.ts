import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { BIN, emptyFolder, savedIn } from './support/cli.js';

const QUICK = { runs: 1, iterations: 8, warmup: 1 };

/** `run --watch quick.json s.json` in a folder of its own, and what it has said so far. */
class Watched {
  readonly folder = emptyFolder();
  readonly #process: ChildProcess;
  #said = '';
  #read = 0;

  constructor(scenario: object) {
    writeFileSync(join(this.folder, 'quick.json'), JSON.stringify(QUICK));
    this.save(JSON.stringify(scenario));
    const { CI: _ci, ...env } = process.env;
    this.#process = spawn(process.execPath, [BIN, 'run', 'quick.json', 's.json', '--watch'], { cwd: this.folder, env });
    this.#process.stderr?.on('data', (text: Buffer) => (this.#said += text.toString()));
  }

  save(text: string): void {
    writeFileSync(join(this.folder, 's.json'), text);
  }

  remove(): void {
    rmSync(join(this.folder, 's.json'));
  }

  /** Waits for something new on stderr. */
  async says(pattern: RegExp): Promise<void> {
    await expect.poll(() => this.#said.slice(this.#read), { timeout: 20_000 }).toMatch(pattern);
    this.#read = this.#said.length;
  }

  saved(): string[] {
    return savedIn(this.folder).map(
      ({ scenario, interrupted }) => `${scenario.name}${interrupted ? ' (interrupted)' : ''}`,
    );
  }

  interrupt(): void {
    this.#process.kill('SIGINT');
  }

  async exitCode(): Promise<number | null> {
    if (this.#process.exitCode === null) await once(this.#process, 'exit');
    return this.#process.exitCode;
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}

let watched: Watched;
afterEach(() => watched.end());

const WAITING = /watching quick\.json, s\.json: save to run again, Ctrl-C to end\n$/;

describe('run --watch', () => {
  it('runs again on save, and outlives a file that is invalid or gone for a moment', async () => {
    watched = new Watched(QUICK);
    await watched.says(WAITING);
    watched.save('{ "runs": ');
    await watched.says(/^error: s\.json:1:\d+: JSON ends too early.*\nwatching/);
    watched.remove();
    await new Promise((resolve) => setTimeout(resolve, 500));
    watched.save(JSON.stringify({ ...QUICK, vcpus: 3 }));
    await watched.says(WAITING);
    expect(watched.saved()).toEqual(['quick', 's', 's']);
    watched.interrupt();
    expect(await watched.exitCode()).toBe(0);
  });

  it('starts again, without saving what is half done, when a file changes under a run', async () => {
    watched = new Watched({ ...QUICK, runs: 100_000 });
    await watched.says(/^saved results\/quick-/);
    watched.save(JSON.stringify(QUICK));
    await watched.says(WAITING);
    expect(watched.saved()).toEqual(['quick', 's']);
  });

  it('saves finished runs and ends with 130 when interrupted in a run', async () => {
    watched = new Watched({ ...QUICK, runs: 100_000 });
    await watched.says(/^saved results\/quick-/);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    watched.interrupt();
    expect(await watched.exitCode()).toBe(130);
    expect(watched.saved()).toEqual(['quick', 's (interrupted)']);
  });
});
