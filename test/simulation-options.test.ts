import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CostTable } from '../src/cost/step.js';
import { impossibilities } from '../src/machine/impossible.js';
import {
  AP_HALT_POLICIES,
  APIC_MODES,
  KVM_VERSIONS,
  WORKLOADS,
  type SimulationOptions,
} from '../src/machine/machine-options.js';
import { loggedRun } from './support/charge-log.js';
import { defaultCosts, machineOptions, type CaseOptions } from './support/whole-machine.js';

/** The reference: strictly in order, nothing computed, the instruction loop run by the host. */
const IN_ORDER: SimulationOptions = { lookaheadShare: 0, fastForward: false, translateAfter: 0 };
const OTHERS: readonly SimulationOptions[] = [
  { lookaheadShare: 0, fastForward: true },
  ...[0.01, 0.5, 1].flatMap((lookaheadShare) => [true, false].map((fastForward) => ({ lookaheadShare, fastForward }))),
  { lookaheadShare: 0, fastForward: true, translateAfter: 1 },
  { lookaheadShare: 0.5, fastForward: false, translateAfter: 1 },
  { lookaheadShare: 1, fastForward: true, translateAfter: 4 },
];

const SHORT = { iterations: 12, warmup: 4 };
const NO_APICV = { enableApicv: false };
const NO_POLLING = { haltPollNs: 0 };

const CASES: readonly CaseOptions[] = [
  { apicMode: 'xapic', ipiv: false },
  { apicMode: 'xapic', ipiv: true },
  { apicMode: 'x2apic', ipiv: false },
  { apicMode: 'x2apic', ipiv: true },
  { apicMode: 'x2apic', kvm: { version: '6.12' } },
  { apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'pause' },
  { apicMode: 'x2apic', apHaltPolicy: 'pause', kvm: { pleGap: 1000 } },
  { apicMode: 'xapic', apHaltPolicy: 'hlt' },
  { apicMode: 'xapic', ipiv: true, apHaltPolicy: 'hlt' },
  { apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'hlt', kvm: { version: 'v1' } },
  { apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'hlt', kvm: { version: '6.12' } },
  { apicMode: 'xapic', apHaltPolicy: 'hlt', kvm: NO_POLLING },
  { apicMode: 'xapic', ipiv: true, apHaltPolicy: 'hlt', kvm: { ...NO_POLLING, version: 'v1' } },
  { apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'hlt', kvm: NO_POLLING },
  { apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'hlt-passthrough' },
  { apicMode: 'xapic', ipiv: true, apHaltPolicy: 'mwait-passthrough' },
  { workload: 'ipi-halt', apicMode: 'xapic', ipiv: true, apHaltPolicy: 'hlt' },
  { apicMode: 'xapic', kvm: NO_APICV },
  { apicMode: 'x2apic', kvm: NO_APICV },
  { apicMode: 'xapic', apHaltPolicy: 'hlt', kvm: { ...NO_APICV, ...NO_POLLING } },
  { workload: 'senduipi', apicMode: 'x2apic', ipiv: true },
  { workload: 'senduipi', apicMode: 'xapic', ipiv: false },
  { workload: 'vmcall', vcpus: 1 },
  { apicMode: 'x2apic', ipiv: true, vcpus: 3, apHaltPolicy: 'hlt' },
  { apicMode: 'xapic', vcpus: 4, apHaltPolicy: 'pause' },
  { apicMode: 'x2apic', vcpus: 4, host: { threadsPerCore: 2, coresPerSocket: 1 } },
  { apicMode: 'xapic', ipiv: true, host: { apicMode: 'xapic', mitigations: true } },
];

/** Any case that is possible, with a few iterations. */
const anyCase: fc.Arbitrary<CaseOptions> = fc
  .record({
    workload: fc.constantFrom(...WORKLOADS),
    vcpus: fc.integer({ min: 1, max: 5 }),
    apicMode: fc.constantFrom(...APIC_MODES),
    ipiv: fc.boolean(),
    apHaltPolicy: fc.constantFrom(...AP_HALT_POLICIES),
    iterations: fc.integer({ min: 1, max: 30 }),
    warmup: fc.integer({ min: 0, max: 8 }),
    host: fc.record({
      apicMode: fc.constantFrom(...APIC_MODES),
      threadsPerCore: fc.constantFrom(1, 2),
      coresPerSocket: fc.constantFrom(1, 2, 64),
      mitigations: fc.boolean(),
    }),
    kvm: fc.record({
      version: fc.constantFrom(...KVM_VERSIONS),
      enableApicv: fc.boolean(),
      haltPollNs: fc.constantFrom(0, 3000, 200_000),
      pleGap: fc.constantFrom(0, 10, 128),
      pleWindow: fc.constantFrom(200, 4096),
    }),
  })
  .filter((options) => impossibilities(machineOptions(options)).length === 0);

const name = (options: object): string => JSON.stringify(options).replaceAll(/[{}"]/g, '').replaceAll(',', ', ');

/**
 * Every step from reset on but those that the interpreter counts, what the CPUs did in the timed loop, and what the guest
 * measured.
 */
function outcome(options: CaseOptions, simulation: SimulationOptions, costs?: CostTable) {
  const { charges, machine } = loggedRun(options, simulation, costs, simulation === IN_ORDER);
  const { guest, kvm, measurement } = machine;
  return {
    results: guest.readResults((gpa) => Number(kvm.guestMemory.read64(gpa))),
    activity: measurement.activity(),
    charges: charges.map((steps) => steps.filter(({ step }) => step !== 'iretq')),
  };
}

/** The default costs with a factor on every step, so that CPUs meet in other phases. */
function perturbedCosts(factors: readonly number[]): CostTable {
  const costs = defaultCosts();
  const stepTicks = costs.stepTicks.map((ticks, step) => Math.round(ticks * factors[step % factors.length]));
  return { ...costs, stepTicks };
}

describe('nothing depends on how far CPUs run ahead, on fast-forward, on translation, nor on who keeps their order', () => {
  it.each(CASES.map((options) => [name(options), { ...SHORT, ...options }] as const))('%s', (_, options) => {
    const expected = outcome(options, IN_ORDER);
    for (const simulation of OTHERS) expect(outcome(options, simulation), name(simulation)).toEqual(expected);
  });

  it('whatever the case is', () => {
    const property = fc.property(anyCase, (options) => {
      const expected = outcome(options, IN_ORDER);
      for (const simulation of OTHERS) expect(outcome(options, simulation)).toEqual(expected);
    });
    fc.assert(property, { numRuns: 10 });
  });

  it('whatever the steps cost', () => {
    const factors = fc.array(fc.double({ min: 0.2, max: 3, noNaN: true }), { minLength: 7, maxLength: 7 });
    const property = fc.property(fc.constantFrom(...CASES), factors, (options, each) => {
      const costs = perturbedCosts(each);
      const expected = outcome({ ...SHORT, ...options }, IN_ORDER, costs);
      for (const simulation of OTHERS) expect(outcome({ ...SHORT, ...options }, simulation, costs)).toEqual(expected);
    });
    fc.assert(property, { numRuns: 10 });
  });
});
