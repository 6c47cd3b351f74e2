/**
 * Images give the same with and without fast-forwarding, to the tick and the byte: every step that is charged and when,
 * what CPUs have executed, the console, and the whole memory.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { STEP, STEP_NAMES } from '../src/cost/step.js';
import { bootGuest } from '../src/guest/test-support/boot-guest.js';
import { measuringGuest } from '../src/guest/test-support/measuring-guest.js';
import { waitingGuest } from '../src/guest/test-support/waiting-guest.js';
import type { IpiFlight } from '../src/hardware/apic/bus.js';
import * as L from '../src/hardware/cpu/layout.js';
import type { SimulationOptions } from '../src/machine/machine-options.js';
import { imageMachine, type ImageMachineOptions } from './support/image-machine.js';

/** Counters of the CPU that ends the machine: the others may have run ahead of its end. */
const COUNTERS = [
  L.CPU_RETIRED,
  L.CPU_SPIN_TICKS,
  ...[L.CPU_COUNT_RDTSC, L.CPU_COUNT_LOCKED, L.CPU_COUNT_MFENCE, L.CPU_COUNT_PAUSE, L.CPU_COUNT_SPIN_EXIT],
];

interface Options extends ImageMachineOptions {
  /** Simulated cycles to run; without it to the end. */
  readonly cycles?: number;
}

/** All that a run leaves behind, every IPI, and a digest of every step in the order in which each CPU was charged. */
function traceOf(image: Uint8Array, { cycles, ...options }: Options, simulation: SimulationOptions) {
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
function expectSame(image: Uint8Array, options: Options, shares: readonly number[], reference = 0): void {
  const expected = traceOf(image, options, { fastForward: false, lookaheadShare: reference, translateAfter: 0 });
  expect(expected.end).toEqual(options.cycles === undefined ? { kind: 'exit', code: 0 } : null);
  for (const lookaheadShare of shares) {
    expect(traceOf(image, options, { fastForward: true, lookaheadShare })).toEqual(expected);
  }
  expect(traceOf(image, options, { translateAfter: 2 })).toEqual(expected);
}

const MACHINES: readonly (readonly [name: string, options: ImageMachineOptions])[] = [
  ['bare', { bare: true }],
  ['bare, xAPIC, three CPUs', { bare: true, apicMode: 'xapic', vcpus: 3 }],
  ['KVM', {}],
  ['KVM, xAPIC', { apicMode: 'xapic' }],
  ['KVM, xAPIC, IPIv off', { apicMode: 'xapic', ipiv: false }],
  ['KVM without APICv', { kvm: { enableApicv: false } }],
  ['KVM without APICv, xAPIC', { apicMode: 'xapic', kvm: { enableApicv: false } }],
  ['KVM without halt polling', { kvm: { haltPollNs: 0 } }],
  ['KVM with HLT passed through', { haltPolicy: 'hlt-passthrough' }],
  ['KVM with APs that never halt', { haltPolicy: 'spin' }],
  ['KVM with pause-loop exits', { kvm: { pleGap: 1000 } }],
];

describe('fast-forwarding changes nothing: a guest that', () => {
  const waiting = waitingGuest(4);
  it.each(MACHINES)('waits in every way, %s', (_, options) => {
    expectSame(waiting, options, [0, 0.5, 1]);
  });

  it.each(MACHINES.slice(0, 3))('starts its CPUs, %s', (_, options) => {
    expectSame(bootGuest(), options, [0, 1]);
  });

  it.each(MACHINES.slice(2, 7))('measures, %s', (_, options) => {
    expectSame(measuringGuest(20), options, [0, 1]);
  });
});

/** A directory of .flat files of kvm-unit-tests; CONTRIBUTING.md says how to get them. */
const images = process.env.KVM_UNIT_TESTS ?? '';

describe.skipIf(images === '')('fast-forwarding changes nothing in the images of KVM_UNIT_TESTS=directory', () => {
  const BARE = { bare: true, environment: 'TEST_DEVICE=0\n' };
  const NO_APICV = { kvm: { enableApicv: false } };

  /** vmexit has begun what it measures by then, and would go on for 2^30 cycles and more. */
  const BEGUN = { cycles: 100e6 };

  it.each<[image: string, args: string, options: Options]>([
    ['smptest', '', { vcpus: 3 }],
    ['smptest', '', { ...BARE, vcpus: 4 }],
    ['vmexit', 'vmcall', BEGUN],
    ['vmexit', 'ple_round_robin', BEGUN],
    ['vmexit', 'ipi', BEGUN],
    ['vmexit', 'ipi_halt', BEGUN],
    ['apic', '', BARE],
    ['apic', '', { ...BARE, apicMode: 'xapic' }],
    ['apic', '', { apicMode: 'xapic' }],
    ['apic', '', NO_APICV],
  ])(
    '%s.flat %s %j',
    (name, args, options) => {
      const file = join(images, `${name}.flat`);
      const commandLine = `${name}.flat ${args}`.trimEnd();
      expectSame(readFileSync(file), { memoryMiB: 128, commandLine, ...options }, [1], 1);
    },
    1_800_000,
  );
});
