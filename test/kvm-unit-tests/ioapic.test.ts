/** ioapic.flat of kvm-unit-tests, unmodified, passes completely; docs/exits.md says why with no more than 3 CPUs in xAPIC mode. */
import { it } from 'vitest';
import { boot, describeImage, expectPassed, MINUTES } from '../support/kvm-unit-tests.js';

// prettier-ignore
const CELLS: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['on 4 CPUs, no hypervisor',     ['--vcpus', '4', '--bare']],
  ['on 4 vCPUs, APICv on',         ['--vcpus', '4']],
  ['on 4 vCPUs, APICv off',        ['--vcpus', '4', '--apicv', 'off']],
  ['on 4 vCPUs, KVM v1',           ['--vcpus', '4', '--kvm', 'v1']],
  ['in xAPIC mode, no hypervisor', ['--vcpus', '2', '--apic', 'xapic', '--bare']],
  ['in xAPIC mode, APICv on',      ['--vcpus', '2', '--apic', 'xapic']],
  ['in xAPIC mode, APICv off',     ['--vcpus', '2', '--apic', 'xapic', '--apicv', 'off']],
  ['in xAPIC mode on 3 vCPUs',     ['--vcpus', '3', '--apic', 'xapic']],
];

describeImage('ioapic.flat', (file) => {
  it.for(CELLS)('passes completely %s', { timeout: 2 * MINUTES }, async ([, args], { signal }) => {
    expectPassed(await boot(file, args, signal));
  });
});
