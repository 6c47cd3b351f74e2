/** apic.flat, with and without fast-forwarding: all of it, but for the machine on which that takes a quarter of an hour. */
import { BARE, NO_APICV, testFastForward } from '../support/image-fast-forward.js';
import { describeLong, MINUTES } from '../support/kvm-unit-tests.js';

describeLong('apic.flat', (file) => {
  const cells = [
    ['x2APIC mode, without hypervisor', { options: BARE }],
    ['x2APIC mode, IPIv on', {}],
    ['x2APIC mode, APICv off', { options: NO_APICV }],
    ['xAPIC mode, without hypervisor', { options: { ...BARE, apicMode: 'xapic' } }],
    ['xAPIC mode, IPIv on', { options: { apicMode: 'xapic' } }],
    ['xAPIC mode, APICv off, the first 2·10^9 cycles', { options: { ...NO_APICV, apicMode: 'xapic', cycles: 2e9 } }],
  ] as const;
  testFastForward(file, cells, 30 * MINUTES);
});
