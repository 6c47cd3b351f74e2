/** apic.flat of kvm-unit-tests, unmodified, passes completely in x2APIC mode. */
import { testApic } from '../support/apic-image.js';
import { MINUTES } from '../support/kvm-unit-tests.js';

testApic('x2APIC', ['without hypervisor', 'IPIv on', 'IPIv off', 'APICv off'], 3 * MINUTES);
