/** apic.flat of kvm-unit-tests, unmodified, on the machines that it can meet. */
import { it } from 'vitest';
import { boot, describeImage, expectPassed } from './kvm-unit-tests.js';

/** VMCALL, by which one of its tests sends IPIs, is #UD where there is no hypervisor: TEST_DEVICE=0 leaves that test out. */
// prettier-ignore
const MACHINES = {
  'without hypervisor': ['--bare', '--env', 'TEST_DEVICE=0'],
  'IPIv on':            [],
  'IPIv off':           ['--ipiv', 'off'],
  'APICv off':          ['--apicv', 'off'],
} as const;

/** It passes completely in one mode; `timeout` in milliseconds is for each machine. */
export function testApic(
  mode: 'xAPIC' | 'x2APIC',
  machines: readonly (keyof typeof MACHINES)[],
  timeout: number,
  describe = describeImage,
): void {
  describe('apic.flat', (file) => {
    it.for(machines)(`passes completely in ${mode} mode, %s`, { timeout }, async (machine, { signal }) => {
      expectPassed(await boot(file, ['--apic', mode.toLowerCase(), ...MACHINES[machine]], signal));
    });
  });
}
