import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
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

/**
 * Runs units on `jobs` worker threads (worker.ts). Even a single job has a thread of its own, so that this one hears
 * Ctrl-C while a guest is running, however long it takes.
 */
export function threadEngine(interpreter: WebAssembly.Module, jobs: number): Engine {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const file = new URL(`./worker.${extension}`, import.meta.url);
  const threads = Array.from({ length: jobs }, () => new Worker(file, { workerData: interpreter }));
  const idle = [...threads];
  return {
    jobs,
    execute: async (unit) => {
      const thread = idle.pop();
      if (thread === undefined) throw new RangeError(`all ${jobs} threads are busy`);
      thread.postMessage(unit);
      const [result] = (await once(thread, 'message')) as [UnitResult];
      idle.push(thread);
      return result;
    },
    close: async () => {
      await Promise.all(threads.map((thread) => thread.terminate()));
    },
  };
}
