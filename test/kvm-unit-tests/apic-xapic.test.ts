/** apic.flat of kvm-unit-tests, unmodified, passes completely in xAPIC mode. */
import { testApic } from '../support/apic-image.js';
import { describeLong, MINUTES } from '../support/kvm-unit-tests.js';

testApic('xAPIC', ['without hypervisor', 'IPIv on', 'IPIv off'], 6 * MINUTES);
// KVM emulates 4.4 million instructions of it.
testApic('xAPIC', ['APICv off'], 30 * MINUTES, describeLong);
