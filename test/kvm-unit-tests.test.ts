/**
 * Unmodified images of kvm-unit-tests. They are not part of this project: KVM_UNIT_TESTS names a folder with apic.flat,
 * ioapic.flat, smptest.flat and vmexit.flat; CONTRIBUTING.md says how to build them. Without it, or without an image, the tests are
 * skipped.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SavedResult } from '../src/result/saved-result.js';
import { emptyFolder, ipivBench, type Finished } from './support/cli.js';

const MINUTES = 60_000;
const images = process.env['KVM_UNIT_TESTS'];
if (images === undefined)
  console.warn('images of kvm-unit-tests are not tested: KVM_UNIT_TESTS names no folder of them');

const folder = emptyFolder();

/** The tests of one image; skipped, with the reason in the name, where there is none. */
function describeImage(name: string, tests: (file: string) => void): void {
  const file = resolve(images ?? '.', name);
  if (images === undefined) describe.skip(`${name}: set KVM_UNIT_TESTS to a folder that holds it`, () => tests(file));
  else if (!existsSync(file)) describe.skip(`${name}: is not in KVM_UNIT_TESTS=${images}`, () => tests(file));
  else describe(name, () => tests(file));
}

const boot = (file: string, ...args: readonly string[]): Finished => ipivBench(['boot', file, ...args], folder);

const SUMMARY = /^SUMMARY: \d+ tests(?:, \d+ skipped)?$/;

function summaryOf(stdout: string): string {
  return stdout.split(/\r?\n/).find((line) => line.startsWith('SUMMARY')) ?? '';
}

function failures(stdout: string): string[] {
  return stdout.split(/\r?\n/).filter((line) => line.startsWith('FAIL'));
}

describeImage('apic.flat', (file) => {
  // prettier-ignore
  it.each([
    ['in x2APIC mode, IPIv on',             ['--apic', 'x2apic']],
    ['in x2APIC mode, APICv off',           ['--apic', 'x2apic', '--apicv', 'off']],
    ['in xAPIC mode, IPIv on',              ['--apic', 'xapic']],
    ['in xAPIC mode, APICv off',            ['--apic', 'xapic', '--apicv', 'off']],
    ['in x2APIC mode, without hypervisor',  ['--apic', 'x2apic', '--bare', '--env', 'TEST_DEVICE=0']],
    ['in xAPIC mode, without hypervisor',   ['--apic', 'xapic', '--bare', '--env', 'TEST_DEVICE=0']],
  ])('passes completely %s', (_, args) => {
    const { code, stdout, stderr } = boot(file, ...args);
    expect({ failures: failures(stdout), stderr }).toEqual({ failures: [], stderr: '' });
    expect(summaryOf(stdout)).toMatch(SUMMARY);
    expect(code).toBe(0);
  }, 15 * MINUTES);
});

describeImage('ioapic.flat', (file) => {
  // prettier-ignore
  it.each([
    ['on 4 vCPUs, APICv on',         ['--vcpus', '4']],
    ['on 4 vCPUs, APICv off',        ['--vcpus', '4', '--apicv', 'off']],
    ['on 4 vCPUs, KVM v1',           ['--vcpus', '4', '--kvm', 'v1']],
    ['on 4 CPUs, no hypervisor',     ['--vcpus', '4', '--bare']],
    ['in xAPIC mode, APICv on',      ['--vcpus', '2', '--apic', 'xapic']],
    ['in xAPIC mode, APICv off',     ['--vcpus', '2', '--apic', 'xapic', '--apicv', 'off']],
    ['in xAPIC mode, no hypervisor', ['--vcpus', '2', '--apic', 'xapic', '--bare']],
  ])('passes completely %s', (_, args) => {
    const { code, stdout, stderr } = boot(file, ...args);
    expect({ failures: failures(stdout), stderr }).toEqual({ failures: [], stderr: '' });
    expect(summaryOf(stdout)).toMatch(SUMMARY);
    expect(code).toBe(0);
  }, 5 * MINUTES);
});

describeImage('smptest.flat', (file) => {
  const machines = [['--ipiv', 'on'], ['--ipiv', 'off'], ['--bare']];
  const sizes = ['2', '3', '16'];
  it.each(machines.flatMap((machine) => sizes.map((vcpus) => ({ vcpus, machine, how: machine.join(' ') }))))(
    'reaches each of $vcpus CPUs, $how',
    ({ vcpus, machine }) => {
      const { code, stdout } = boot(file, '--vcpus', vcpus, ...machine);
      for (let cpu = 0; cpu < Number(vcpus); cpu++) expect(stdout).toContain(`ipi called, cpu ${cpu}`);
      expect([summaryOf(stdout), code]).toEqual(['SUMMARY: 1 tests', 0]);
    },
    5 * MINUTES,
  );
});

/** Every test of vmexit that this processor and board have; pci-testdev's print one line per way to write. */
const NUMBERED =
  'cpuid vmcall wbinvd invd mov_from_cr8 mov_to_cr8 inl_from_pmtimer inl_from_qemu inl_from_kernel outl_to_kernel mov_dr ' +
  'self_ipi_sti_nop self_ipi_sti_hlt self_ipi_tpr self_ipi_tpr_sti_nop self_ipi_tpr_sti_hlt ipi ipi_halt ple_round_robin ' +
  'wr_kernel_gs_base wr_tsc_adjust_msr rd_tsc_adjust_msr toggle_cr0_wp toggle_cr4_pge';

describeImage('vmexit.flat', (file) => {
  it.each(NUMBERED.split(' '))(
    'prints a number of cycles for %s',
    (test) => {
      const { code, stdout } = boot(file, '--append', test);
      expect(stdout).toMatch(new RegExp(`^${test} [1-9]\\d*\\r?$`, 'm'));
      expect(code).toBe(0);
    },
    30 * MINUTES,
  );

  it('103: skips ipi on a single CPU', () => {
    expect(boot(file, '--append', 'ipi', '--vcpus', '1').stdout).toMatch(/^ipi \(skipped\)\r?$/m);
  });

  it(
    'gives the cycles of the built-in program, within 2 %',
    () => {
      const axes = {
        apHaltPolicy: ['hlt', 'hlt-passthrough', 'spin'],
        apicMode: ['xapic', 'x2apic'],
        ipiv: [false, true],
        runs: 1,
        noise: 'off',
      };
      const ofImage = averages({ ...axes, guest: { image: file } });
      const ofProgram = averages(axes);
      expect(ofImage).toHaveLength(12);
      ofImage.forEach((average, index) => {
        expect(Math.abs(average / ofProgram[index] - 1)).toBeLessThan(0.02);
      });
    },
    30 * MINUTES,
  );
});

/** The average of every case of a scenario. */
function averages(scenario: object): number[] {
  writeFileSync(join(folder, 'scenario.json'), JSON.stringify(scenario));
  const { code, stdout, stderr } = ipivBench(['run', 'scenario.json', '--no-save', '--format', 'json'], folder);
  expect([code, stderr]).toEqual([0, '']);
  const { cases } = JSON.parse(stdout) as SavedResult;
  return cases.map(({ summary: { average } }) => average?.mean ?? 0);
}
