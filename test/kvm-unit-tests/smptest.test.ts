/** smptest.flat of kvm-unit-tests, unmodified: every CPU is reached. */
import { expect, it } from 'vitest';
import { boot, describeImage, expectPassed, MINUTES } from '../support/kvm-unit-tests.js';

describeImage('smptest.flat', (file) => {
  const sizes = [2, 3, 16];
  const machines = [['--ipiv', 'on'], ['--ipiv', 'off'], ['--apicv', 'off'], ['--bare']];
  const cells = sizes.flatMap((cpus) => machines.map((machine) => ({ cpus, machine, how: machine.join(' ') })));

  it.for(cells)('passes on $cpus CPUs, $how', { timeout: 2 * MINUTES }, async ({ cpus, machine }, { signal }) => {
    const finished = await boot(file, ['--vcpus', String(cpus), ...machine], signal);
    expectPassed(finished);
    for (let cpu = 0; cpu < cpus; cpu++) expect(finished.stdout).toContain(`ipi called, cpu ${cpu}`);
  });
});
