/** Subtests of vmexit.flat from their beginning to their end, with and without fast-forwarding. */
import { testFastForward } from '../support/image-fast-forward.js';
import { describeLong, MINUTES } from '../support/kvm-unit-tests.js';

describeLong('vmexit.flat', (file) => {
  const tests = ['inl_from_pmtimer', 'tscdeadline_immed', 'self_ipi_sti_hlt', 'ipi', 'ipi_halt'];
  testFastForward(file, [...tests.map((args) => [args, { args }] as const)], 10 * MINUTES);
});
