/** vmexit.flat of kvm-unit-tests, unmodified: IPIs to others and to oneself, and timers. */
import { describeImage, MINUTES } from '../support/kvm-unit-tests.js';
import { testSubtests } from '../support/vmexit-list.js';

describeImage('vmexit.flat', (file) => {
  testSubtests(file, 'interrupts', 2 * MINUTES);
  testSubtests(file, 'oneCpu', 2 * MINUTES, ['--vcpus', '1']);
});
