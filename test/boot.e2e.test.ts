import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bootGuest, bootGuestOutput } from '../src/guest/test-support/boot-guest.js';
import { emptyFolder, ipivBench, type Finished } from './support/cli.js';

const folder = emptyFolder();
writeFileSync(join(folder, 'guest.elf'), bootGuest());
writeFileSync(join(folder, 'text.txt'), 'no kernel');

const boot = (...args: readonly string[]): Finished => ipivBench(['boot', ...args], folder);

describe('boot', () => {
  it.each([
    ['under KVM', []],
    ['under KVM in xAPIC mode without IPIv', ['--apic', 'xapic', '--ipiv', 'off']],
    ['without a hypervisor', ['--bare']],
  ])('streams the console of a guest %s and ends with its exit code', (_, args) => {
    const { code, stdout, stderr } = boot(
      'guest.elf',
      '--append',
      'all',
      '--env',
      'NR_CPUS=2',
      '--memory',
      '16',
      ...args,
    );
    expect(stderr).toBe('');
    expect(stdout).toBe(bootGuestOutput('guest.elf all', 'NR_CPUS=2\n', 2));
    expect(code).toBe(0);
  });

  it('says that --ap-halt-policy spin is not architectural', () => {
    const { code, stderr } = boot('guest.elf', '--memory', '16', '--ap-halt-policy', 'spin');
    expect(stderr).toMatch(/^note: .*no processor does that\n$/);
    expect(code).toBe(0);
  });

  it('ends with 4 and the vCPUs when the guest does not end', () => {
    const { code, stderr } = boot('guest.elf', '--memory', '16', '--max-cycles', '1000');
    expect(stderr).toMatch(/^error: the guest has not ended in the time it was given, after \d+ cycles\n {2}vCPU 0/);
    expect(code).toBe(4);
  });

  it.each([
    ['a missing file', ['none.flat'], /^error: none\.flat: no such file/],
    ['what is no image', ['text.txt'], /^error: text\.txt: no multiboot header/],
    ['too little memory', ['guest.elf', '--memory', '1'], /expected a whole number of at least 2/],
    ['too many vCPUs', ['guest.elf', '--vcpus', '999'], /^error: --vcpus 999: the emulated host has 256 CPUs/],
    ['an unknown profile', ['guest.elf', '--profile', 'none'], /^error: --profile none: no profile "none"/],
  ])('refuses %s', (_, args, expected) => {
    const { code, stdout, stderr } = boot(...args);
    expect(stderr).toMatch(expected);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});
