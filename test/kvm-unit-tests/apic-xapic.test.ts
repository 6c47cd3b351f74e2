/** apic.flat of kvm-unit-tests, unmodified, passes completely in xAPIC mode. */
import { testApic } from '../support/apic-image.js';
import { MINUTES } from '../support/kvm-unit-tests.js';

testApic('xAPIC', 6 * MINUTES);
