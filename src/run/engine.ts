import { Tinypool } from 'tinypool';
import { executeUnit, type UnitResult } from './execute-unit.js';
import type { Unit } from './plan.js';

/** Something that runs units, several at a time. */
export interface Engine {
  /** How many units it can have under way. */
  readonly jobs: number;
  execute(unit: Unit): Promise<UnitResult>;
  close(): Promise<void>;
}

/** What a worker thread is sent. */
export interface WorkerTask {
  readonly interpreter: WebAssembly.Module;
  readonly unit: Unit;
}

/** Runs units one after the other in this thread, letting signals in between them. */
export function localEngine(interpreter: WebAssembly.Module): Engine {
  return {
    jobs: 1,
    execute: async (unit) => {
      await new Promise((resolve) => setImmediate(resolve));
      return executeUnit(interpreter, unit);
    },
    close: () => Promise.resolve(),
  };
}

/** Runs units on `jobs` worker threads. */
export function pooledEngine(interpreter: WebAssembly.Module, jobs: number): Engine {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const filename = new URL(`./worker.${extension}`, import.meta.url).href;
  const pool = new Tinypool({ filename, minThreads: jobs, maxThreads: jobs, runtime: 'worker_threads' });
  return {
    jobs,
    execute: (unit) => pool.run({ interpreter, unit } satisfies WorkerTask) as Promise<UnitResult>,
    close: () => pool.destroy(),
  };
}
