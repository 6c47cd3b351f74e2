/** vmexit.flat of kvm-unit-tests, unmodified: the subtests that are VM exits of one kind. */
import { describeImage, MINUTES } from '../support/kvm-unit-tests.js';
import { testSubtests } from '../support/vmexit-list.js';

describeImage('vmexit.flat', (file) => {
  testSubtests(file, 'exits', 2 * MINUTES);
  testSubtests(file, 'devices', 3 * MINUTES);
});
