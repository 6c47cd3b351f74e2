/**
 * Finds where the iterations of a guest begin that does not mark them. It looks at a few iterations' worth of instructions
 * on CPU 0: an address that is passed once per iteration will do. Where the CPU waits in a loop, iterations are cut right
 * behind the longest wait, so that each of them is one operation from its request to its answer.
 */
import type { Cpu } from '../hardware/cpu/cpu.js';
import type { Engine } from '../hardware/cpu/engine.js';
import * as L from '../hardware/cpu/layout.js';
import type { Hardware } from './hardware.js';
import type { Observer } from './observer.js';

/** An instruction of CPU 0 at the time when it begins, in ticks. */
export interface PassedInstruction {
  readonly rip: number;
  readonly at: number;
}

export class IterationFinder implements Observer {
  readonly isWatching = true;
  readonly #from: number;
  readonly #to: number;
  readonly #passed: PassedInstruction[] = [];
  #cpu: Cpu | null = null;
  #retired = -1;
  #done = false;

  /** Looks from `from` to `to`, in ticks. */
  constructor(from: number, to: number) {
    this.#from = from;
    this.#to = to;
  }

  /** The time to look has passed. */
  get isDone(): boolean {
    return this.#done;
  }

  /** Where iterations of about `period` ticks begin, or null: nothing is passed once in each. */
  iterationStart(period: number): number | null {
    return iterationStart(this.#passed, period);
  }

  engine(engine: Engine): Engine {
    return { ...engine, run: (block) => this.#run(engine, block) };
  }

  attach({ cpus }: Hardware): void {
    this.#cpu = cpus[0];
  }

  #run(engine: Engine, block: number): number {
    const cpu = this.#cpu;
    if (cpu === null || block !== cpu.block || this.#done) return engine.run(block);
    const limit = cpu.long(L.CPU_LIMIT);
    for (;;) {
      const now = cpu.now;
      this.#note(cpu, now);
      cpu.setLong(L.CPU_LIMIT, Math.min(limit, now < this.#from ? this.#from : now + 1));
      const stop = engine.run(block);
      if (stop !== L.STOP_LIMIT || cpu.now >= limit) return stop;
    }
  }

  /** An instruction that has to be tried again is passed once. */
  #note(cpu: Cpu, now: number): void {
    const retired = cpu.long(L.CPU_RETIRED);
    this.#done = now > this.#to;
    if (now < this.#from || this.#done || retired === this.#retired) return;
    this.#retired = retired;
    this.#passed.push({ rip: cpu.rip, at: now });
  }
}

/** Where iterations of about `period` ticks begin, or null. */
export function iterationStart(passed: readonly PassedInstruction[], period: number): number | null {
  const length = (passed.at(-1)?.at ?? 0) - (passed.at(0)?.at ?? 0);
  const expected = length / period;
  const counts = new Map<number, number>();
  for (const { rip } of passed) counts.set(rip, (counts.get(rip) ?? 0) + 1);
  const once = new Set([...counts].flatMap(([rip, count]) => (Math.abs(count - expected) <= 1 ? [rip] : [])));
  const waits = [...waitsBefore(passed, once)].sort(([, a], [, b]) => b - a);
  if (waits.length > 0) return waits[0][0];
  return once.size === 0 ? null : Math.min(...once);
}

/** How long, all together, other instructions ran before each of those that are passed once per iteration. */
function waitsBefore(passed: readonly PassedInstruction[], once: ReadonlySet<number>): Map<number, number> {
  const waits = new Map<number, number>();
  let since = -1;
  for (const { rip, at } of passed) {
    if (!once.has(rip)) {
      if (since < 0) since = at;
    } else if (since >= 0) {
      waits.set(rip, (waits.get(rip) ?? 0) + at - since);
      since = -1;
    }
  }
  return waits;
}
