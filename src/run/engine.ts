import { Tinypool } from 'tinypool';
import type { UnitResult } from './execute-unit.js';
import type { Unit } from './plan.js';

/** Something that runs units, several at a time. */
export interface Engine {
  /** How many units it can have under way. */
  readonly jobs: number;
  execute(unit: Unit): Promise<UnitResult>;
  /** Ends it; units under way are abandoned. */
  close(): Promise<void>;
}

/** What a worker thread is sent. */
export interface WorkerTask {
  readonly interpreter: WebAssembly.Module;
  readonly unit: Unit;
}

/**
 * Runs units on `jobs` worker threads. Even a single job has a thread of its own, so that this one hears Ctrl-C while a
 * guest is running, however long it takes.
 */
export function threadEngine(interpreter: WebAssembly.Module, jobs: number): Engine {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const filename = new URL(`./worker.${extension}`, import.meta.url).href;
  const pool = new Tinypool({ filename, minThreads: jobs, maxThreads: jobs, runtime: 'worker_threads' });
  return {
    jobs,
    execute: (unit) => pool.run({ interpreter, unit } satisfies WorkerTask) as Promise<UnitResult>,
    close: () => pool.destroy(),
  };
}
