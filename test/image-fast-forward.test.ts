/**
 * Images give the same with and without fast-forwarding, to the tick and the byte: every step that is charged and when,
 * what CPUs have executed, the console, and the whole memory. `kvm-unit-tests/` has the same with images of others.
 */
import { describe, it } from 'vitest';
import { bootGuest } from '../src/guest/test-support/boot-guest.js';
import { measuringGuest } from '../src/guest/test-support/measuring-guest.js';
import { waitingGuest } from '../src/guest/test-support/waiting-guest.js';
import type { ImageMachineOptions } from './support/image-machine.js';
import { expectSameTrace } from './support/image-trace.js';

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
    expectSameTrace(waiting, options, [0, 0.5, 1]);
  });

  it.each(MACHINES.slice(0, 3))('starts its CPUs, %s', (_, options) => {
    expectSameTrace(bootGuest(), options, [0, 1]);
  });

  it.each(MACHINES.slice(2, 7))('measures, %s', (_, options) => {
    expectSameTrace(measuringGuest(20), options, [0, 1]);
  });
});
