/** What a run of an image leaves behind, to the tick and the byte, for comparing ways of simulating it. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { STEP, STEP_NAMES } from '../../src/cost/step.js';
import type { IpiFlight } from '../../src/hardware/apic/bus.js';
import * as L from '../../src/hardware/cpu/layout.js';
import type { SimulationOptions } from '../../src/machine/machine-options.js';
import { imageMachine, type ImageMachineOptions } from './image-machine.js';

/** Counters of the CPU that ends the machine: the others may have run ahead of its end. */
const COUNTERS = [
  L.CPU_RETIRED,
  L.CPU_SPIN_TICKS,
  ...[L.CPU_COUNT_RDTSC, L.CPU_COUNT_LOCKED, L.CPU_COUNT_MFENCE, L.CPU_COUNT_PAUSE, L.CPU_COUNT_SPIN_EXIT],
];

export interface TraceOptions extends ImageMachineOptions {
  /** Simulated cycles to run; without it to the end. */
  readonly cycles?: number;
}

/** All that a run leaves behind, every IPI, and a digest of every step in the order in which each CPU was charged. */
function traceOf(image: Uint8Array, { cycles, ...options }: TraceOptions, simulation: SimulationOptions) {
  let output = '';
  const console = (byte: number): unknown => (output += String.fromCharCode(byte));
  const machine = imageMachine(image, { maxCycles: 1e12, ...options }, { simulation, console });
  const { cpus, meter, memory, bus } = machine.hardware;
  const steps = cpus.map(() => new StepDigest());
  const flights: IpiFlight[] = [];
  meter.onCharge = (cpu, step) => {
    if (step !== STEP.IPI_FLIGHT) steps[cpu].add(step, cpus[cpu].now);
  };
  bus.onFlight = (flight) => flights.push(flight);
  const end = machine.run(cycles ?? Infinity);
  const [first] = cpus;
  return {
    end,
    output,
    now: first.now,
    counters: COUNTERS.map((counter) => first.long(counter)),
    flights: flights.filter(({ arrivesAt }) => arrivesAt <= first.now),
    steps: steps.map((each) => each.finish(first.now)),
    memory: digest(memory.bytes(0, memory.ramBytes)),
  };
}

/** Of the steps of one CPU: how many, the last one, and a digest of all, without keeping them. */
class StepDigest {
  readonly #hash = createHash('sha256');
  /** Pairs of step and time. */
  readonly #recent = new Float64Array(1 << 12);
  #length = 0;
  #hashed = 0;

  add(step: number, at: number): void {
    if (this.#length === this.#recent.length) this.#hashFirst(this.#length / 2);
    this.#recent[this.#length++] = step;
    this.#recent[this.#length++] = at;
  }

  /** Leaves out what comes after `end`, where a CPU may have run ahead of it. */
  finish(end: number) {
    let kept = this.#length;
    while (kept > 0 && this.#recent[kept - 1] > end) kept -= 2;
    const last = kept === 0 ? null : [STEP_NAMES[this.#recent[kept - 2]], this.#recent[kept - 1]];
    this.#hashFirst(kept);
    return { count: this.#hashed / 2, last, digest: this.#hash.digest('hex') };
  }

  #hashFirst(count: number): void {
    this.#hash.update(this.#recent.subarray(0, count));
    this.#recent.copyWithin(0, count, this.#length);
    this.#length -= count;
    this.#hashed += count;
  }
}

function digest(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** With each share of the lookahead, and with everything translated, the same as without fast-forwarding and with `reference` of it. */
export function expectSameTrace(
  image: Uint8Array,
  options: TraceOptions,
  shares: readonly number[],
  reference = 0,
): void {
  const expected = traceOf(image, options, { fastForward: false, lookaheadShare: reference, translateAfter: 0 });
  expect(expected.end).toEqual(options.cycles === undefined ? { kind: 'exit', code: 0 } : null);
  for (const lookaheadShare of shares) {
    expect(traceOf(image, options, { fastForward: true, lookaheadShare })).toEqual(expected);
  }
  expect(traceOf(image, options, { translateAfter: 2 })).toEqual(expected);
}
