import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { defaultCosts, machineInputs, machineOptions, type CaseOptions } from '../../test/support/whole-machine.js';
import { INSTRUCTION_CLASSES, STEP } from '../cost/step.js';
import { ALL_CPUS } from '../hardware/clock/clock.js';
import { buildMachine, runMachine } from './machine.js';
import { Observation, type ObservedIterations } from './observation.js';

const CASES: readonly CaseOptions[] = [
  { apicMode: 'xapic' },
  { apicMode: 'xapic', ipiv: true },
  { apicMode: 'x2apic' },
  { apicMode: 'x2apic', ipiv: true, vcpus: 3 },
  { apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'pause' },
  { apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'pause', kvm: { pleGap: 1000 } },
  { apicMode: 'x2apic', apHaltPolicy: 'hlt' },
  { apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'hlt', kvm: { haltPollNs: 0 } },
  { apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'hlt-passthrough' },
  { apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'mwait-passthrough' },
  { apicMode: 'xapic', kvm: { enableApicv: false } },
  { workload: 'ipi-halt', apHaltPolicy: 'hlt', ipiv: true },
  { workload: 'senduipi', apicMode: 'x2apic', ipiv: true },
  { workload: 'vmcall' },
  { workload: 'cpuid', vcpus: 1 },
];

const observation = (): Observation => new Observation({ skip: 12, iterations: 5 });

function observe(options: CaseOptions): ObservedIterations {
  const watching = observation();
  runMachine(machineOptions(options), machineInputs(), watching);
  return watching.observed();
}

/** All that a run leaves behind: clocks, counters and every byte of memory. Parked CPUs are brought up to the end. */
function endState(options: CaseOptions, watching?: Observation) {
  const { hardware } = buildMachine(machineOptions(options), machineInputs(), watching);
  hardware.clock.run();
  const { memory, meter, cpus } = hardware;
  cpus[0].engine.settleForEvent(ALL_CPUS, Math.max(...cpus.map(({ now }) => now)));
  return {
    clocks: cpus.map(({ now, sleepTicks }) => [now, sleepTicks]),
    meter: [meter.counts, meter.ticks].map((each) => Float64Array.from(each)),
    memory: createHash('sha256').update(memory.bytes(0, memory.ramBytes)).digest('hex'),
  };
}

describe('an observed run', () => {
  it.each(CASES)('gives the result of one that nobody looks at: %o', (options) => {
    const alone = runMachine(machineOptions(options), machineInputs());
    expect(runMachine(machineOptions(options), machineInputs(), observation())).toEqual(alone);
  });

  it.each(CASES.slice(0, 4))('ends in the same state, to the byte: %o', (options) => {
    expect(endState(options, observation())).toEqual(endState(options));
  });
});

describe('what is observed', () => {
  it.each(CASES)('fills the time of every CPU without gap or overlap: %o', (options) => {
    for (const spans of observe(options).spans) {
      spans.slice(1).forEach(({ start }, index) => {
        expect(start).toBe(spans[index].start + spans[index].ticks);
      });
    }
  });

  it('begins with the iterations asked for and tells when the next one begins', () => {
    const { starts, spans } = observe({ ipiv: true });
    expect(starts).toHaveLength(6);
    expect(spans[0][0].start).toBeLessThanOrEqual(starts[0]);
    expect(new Set(starts.slice(1).map((start, index) => start - starts[index])).size).toBe(1);
  });

  it('tells the steps that the interpreter counts from plain instructions', () => {
    const { starts, spans } = observe({ apicMode: 'x2apic', ipiv: true });
    const sender = spans[0].filter(({ start }) => start >= starts[0] && start < starts[1]);
    const named = sender.filter(({ doing }) => ['rdtsc', 'locked-rmw', 'mfence', 'spin-exit'].includes(doing));
    expect(named.map(({ doing }) => doing)).toEqual([
      ...['rdtsc', 'locked-rmw', 'locked-rmw', 'mfence', 'spin-exit', 'rdtsc'],
    ]);
    const { stepTicks } = defaultCosts();
    expect(named[0].ticks).toBe(stepTicks[STEP.RDTSC]);
    expect(named[4].ticks).toBe(stepTicks[STEP.SPIN_EXIT]);
  });

  it('holds one IPI per iteration, with its flight', () => {
    const { starts, flights } = observe({ apicMode: 'x2apic', ipiv: true });
    const first = flights.filter(({ sentAt }) => sentAt >= starts[0] && sentAt < starts[1]);
    const flight = defaultCosts().stepTicks[STEP.IPI_FLIGHT];
    expect(first.map(({ from, to, sentAt, arrivesAt }) => [from, to, arrivesAt - sentAt])).toEqual([[0, 1, flight]]);
  });

  it('counts an instruction of the host without a step as a plain one', () => {
    const { spans } = observe({ apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'hlt-passthrough' });
    const sleeps = spans[1].flatMap(({ doing }, index) => (doing === 'idle' ? [spans[1][index - 1]] : []));
    const system = defaultCosts().classTicks[INSTRUCTION_CLASSES.indexOf('system')];
    expect(sleeps.at(-1)).toMatchObject({ doing: 'guest-instructions', ticks: system, instructions: 1 });
  });
});
