import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  IpiGuests,
  NOTIFICATION_VECTOR,
  VECTORS,
  type Act,
  type IpiGuestsCase,
} from '../../../test/support/ipi-guests.js';
import { mostly } from '../../../test/support/mostly.js';

const vector = fc.constantFrom(...VECTORS);
const destination = mostly(1, fc.constantFrom(0, 2, 0x1_0001));
/** Of the ICR: what can be virtualized, the level bit, a self-IPI, other delivery modes, an illegal vector. */
const command = fc.oneof(
  { weight: 6, arbitrary: vector },
  vector.map((low) => low | 0x4000),
  vector.map((low) => low | 0x4_0000),
  fc.constantFrom(0x0430, 0x8031, 0x05, 0x2031),
);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      register: fc.constant(0x300),
      high: destination,
      low: command,
    }),
  },
  fc.record({
    kind: fc.constant('write' as const),
    register: fc.constant(0x080),
    high: mostly(0, fc.constant(1)),
    low: fc.constantFrom(0, 0x20, 0x35, 0xf0, 0x130),
  }),
  fc.record({
    kind: fc.constant('write' as const),
    register: fc.constantFrom(0x0b0, 0x3f0, 0x0d0, 0x380),
    high: fc.constant(0),
    low: mostly(0, vector),
  }),
  fc.record({ kind: fc.constant('read' as const), register: fc.constantFrom(0x300, 0x080, 0x020, 0x390) }),
  fc.record({ kind: fc.constant('flags' as const), flags: mostly(0x202, fc.constantFrom(2, 0x203, 0x4_0202)) }),
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('delay' as const), loops: fc.integer({ min: 1, max: 2000 }) }),
  },
  fc.constant({ kind: 'count' as const }),
);
const acts = fc.array(act, { minLength: 3, maxLength: 24 });
const cases: fc.Arbitrary<IpiGuestsCase> = fc
  .record({
    x2apic: fc.boolean(),
    hostX2apic: fc.boolean(),
    ipiVirtualization: mostly(true, fc.constant(false)),
    interruptDelivery: mostly(true, fc.constant(false)),
    postedInterrupts: mostly(true, fc.constant(false)),
    nmiExiting: fc.boolean(),
    tprThreshold: fc.integer({ min: 0, max: 15 }),
    exitingMsrs: fc.subarray([0x808, 0x80b, 0x830, 0x83f], { maxLength: 1 }),
    eoiExits: fc.subarray([...VECTORS], { maxLength: 2 }),
    sharedPages: fc.boolean(),
    lookaheadShare: fc.constantFrom(0, 0.3, 1),
    programs: fc.tuple(acts, acts),
    disturbances: fc.array(
      fc.record({
        at: fc.integer({ min: 1, max: 800_000 }),
        cpu: fc.integer({ min: 0, max: 1 }),
        vector: fc.constantFrom(NOTIFICATION_VECTOR, NOTIFICATION_VECTOR, 0x44, 2),
      }),
      { maxLength: 4 },
    ),
  })
  .map((each) => supported(each));

/** VM entry refuses posted interrupts and EOI exits without virtual-interrupt delivery. */
function supported(each: IpiGuestsCase): IpiGuestsCase {
  return each.interruptDelivery ? each : { ...each, postedInterrupts: false, eoiExits: [] };
}

const PLAIN: IpiGuestsCase = {
  x2apic: true,
  hostX2apic: true,
  ipiVirtualization: true,
  interruptDelivery: true,
  postedInterrupts: true,
  nmiExiting: true,
  tprThreshold: 0,
  exitingMsrs: [],
  eoiExits: [],
  sharedPages: false,
  lookaheadShare: 1,
  programs: [[], []],
  disturbances: [],
};

const ipi: readonly Act[] = [
  { kind: 'write', register: 0x300, high: 1, low: 0x31 },
  { kind: 'delay', loops: 2000 },
];
const waiting: readonly Act[] = [
  { kind: 'flags', flags: 0x202 },
  { kind: 'delay', loops: 60_000 },
];

function observe(machine: IpiGuests): unknown {
  const observed = machine.run().observed();
  machine.release();
  return observed;
}

/** How often the host looks after each CPU while CPU 0 sends `count` IPIs. */
function hostVisits(count: number, x2apic: boolean): number[] {
  const machine = new IpiGuests({
    ...PLAIN,
    x2apic,
    programs: [Array.from({ length: count }, () => ipi).flat(), waiting],
  });
  const visits = machine.hardware.cpus.map((cpu) => vi.spyOn(cpu, 'run'));
  machine.run();
  expect(machine.guests.map(({ exits }) => exits.map(({ reason }) => reason))).toEqual([[12], [12]]);
  return visits.map(({ mock }) => mock.calls.length);
}

describe('APIC virtualization in the interpreter', () => {
  it('does what the host does, at the same times and costs', () => {
    fc.assert(
      fc.property(cases, (each) => {
        const interpreted = observe(new IpiGuests(each));
        expect(interpreted).toEqual(observe(new IpiGuests(each).step()));
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['xAPIC', false],
    ['x2APIC', true],
  ])('takes IPIs from one %s guest to another without the host', (_, x2apic) => {
    const few = hostVisits(4, x2apic);
    // A longer program takes a little longer to decode.
    hostVisits(24, x2apic).forEach((visits, cpu) => expect(visits - few[cpu]).toBeLessThan(4));
  });
});
