/** vmexit.flat of kvm-unit-tests, unmodified: what does not exit, hundreds of times as often, and what is skipped. */
import { expect, it } from 'vitest';
import { boot, describeImage, describeLong, MINUTES } from '../support/kvm-unit-tests.js';
import { linesOf, SUBTESTS, testSubtests } from '../support/vmexit-list.js';

describeImage('vmexit.flat', (file) => {
  const x2apicSelfIpis = linesOf('interrupts').filter((name) => name.startsWith('x2apic_self_ipi'));

  it.for<[name: string, tests: readonly string[], args: readonly string[]]>([
    ['103: tests of several CPUs on one', ['ipi', 'ipi_halt'], ['--vcpus', '1']],
    ['MSRs that are not announced', [SUBTESTS.skipped], []],
    ['the x2APIC’s self IPIs in xAPIC mode', x2apicSelfIpis, ['--apic', 'xapic']],
  ])('skips %s', { timeout: MINUTES }, async ([, tests, args], { signal }) => {
    const { code, stdout } = await boot(file, ['--append', tests.join(' '), ...args], signal);
    const skipped = [...stdout.matchAll(/^(\w+) \(skipped\)\r?$/gm)].map(([, name]) => name);
    expect({ code, skipped: skipped.toSorted() }).toEqual({ code: 0, skipped: tests.toSorted() });
  });

  testSubtests(file, 'guest', 2 * MINUTES);
});

describeLong('vmexit.flat', (file) => {
  testSubtests(file, 'guestForMinutes', 30 * MINUTES);
});
