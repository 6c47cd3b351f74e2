/** The first 10^8 cycles of vmexit, which has begun what it measures by then, and all of smptest. */
import { describeImage, MINUTES } from '../support/kvm-unit-tests.js';
import { BARE, testFastForward } from '../support/image-fast-forward.js';

describeImage('smptest.flat', (file) => {
  const cells = [
    ['under KVM', { options: { vcpus: 3 } }],
    ['without hypervisor', { options: { ...BARE, vcpus: 4 } }],
  ] as const;
  testFastForward(file, cells, 2 * MINUTES);
});

describeImage('vmexit.flat', (file) => {
  const tests = ['vmcall', 'ple_round_robin', 'ipi', 'ipi_halt', 'self_ipi_tpr_sti_hlt', 'pci-mem'];
  const cells = tests.map((args) => [args, { args, options: { cycles: 100e6 } }] as const);
  testFastForward(file, cells, 3 * MINUTES);
});
