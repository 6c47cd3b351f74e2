/** apic.flat of kvm-unit-tests, unmodified, passes completely in x2APIC mode, on the machines that it can meet. */
import { it } from 'vitest';
import { boot, describeImage, expectPassed, MINUTES } from '../support/kvm-unit-tests.js';

/** VMCALL, by which one of its tests sends IPIs, is #UD where there is no hypervisor: TEST_DEVICE=0 leaves that test out. */
// prettier-ignore
const MACHINES: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['without hypervisor', ['--bare', '--env', 'TEST_DEVICE=0']],
  ['IPIv on',            []],
  ['IPIv off',           ['--ipiv', 'off']],
  ['APICv off',          ['--apicv', 'off']],
];

describeImage('apic.flat', (file) => {
  it.for(MACHINES)('passes completely in x2APIC mode, %s', { timeout: 3 * MINUTES }, async ([, args], { signal }) => {
    expectPassed(await boot(file, ['--apic', 'x2apic', ...args], signal));
  });
});
