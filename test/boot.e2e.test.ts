import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bootGuest, bootGuestOutput } from '../src/guest/test-support/boot-guest.js';
import { measuringGuest } from '../src/guest/test-support/measuring-guest.js';
import { tinyImage } from '../src/guest/test-support/tiny-image.js';
import { bash, emptyFolder, interruptAfterOutput, ipivBench, type Finished } from './support/cli.js';

const folder = emptyFolder();
writeFileSync(join(folder, 'guest.elf'), bootGuest());
writeFileSync(join(folder, 'text.txt'), 'no kernel');
writeFileSync(join(folder, 'empty.elf'), '');
writeFileSync(join(folder, 'large.elf'), measuringGuest(1));
writeFileSync(join(folder, 'truncated.elf'), bootGuest().subarray(0, 300));
/** `mov eax, N; mov edx, 0F4H; out dx, eax` */
const exit = (code: string): Uint8Array => tinyImage(`b8${code} baf4000000 ef`);
writeFileSync(join(folder, 'exit-7.elf'), exit('07000000'));
writeFileSync(join(folder, 'exit-300.elf'), exit('2c010000'));
/** Writes lines for ever, or a prompt and no more. */
writeFileSync(join(folder, 'chatty.elf'), tinyImage('baf8030000 b078 ee b00a ee ebf8'));
writeFileSync(join(folder, 'prompt.elf'), tinyImage('baf8030000 b03e ee ebfe'));

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

  it.each([
    ['exit-7.elf', 7],
    ['exit-300.elf', 255],
  ])('ends with the exit code of the guest: %s', (image, expected) => {
    expect(boot(image, '--memory', '16')).toEqual({ code: expected, stdout: '', stderr: '' });
  });

  it('ends quietly when nobody reads any more', () => {
    const { code, stdout, stderr } = bash('$B boot chatty.elf | head -2; echo "${PIPESTATUS[0]}"', folder);
    expect([code, stdout, stderr]).toEqual([0, 'x\nx\n0\n', '']);
  });

  it('says when the console cannot be written', () => {
    const { code, stderr } = bash('$B boot chatty.elf > /dev/full', folder);
    expect(stderr).toBe(
      'error: standard output: cannot write: no space left on the device; free some space or write elsewhere\n',
    );
    expect(code).toBe(2);
  });

  it('shows a prompt at once and ends with 130 at Ctrl-C', async () => {
    const { code, stdout, stderr } = await interruptAfterOutput(['boot', 'prompt.elf', '--timeout', '10000'], folder);
    expect(stdout).toBe('>');
    expect(stderr).toMatch(/^interrupted after \d+ cycles\n$/);
    expect(code).toBe(130);
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
    ['an empty file', ['empty.elf'], /^error: empty\.elf: is empty/],
    ['a directory', ['.'], /^error: \.: is a directory/],
    ['a device', ['/dev/zero'], /^error: \/dev\/zero: is a device/],
    ['a truncated image', ['truncated.elf'], /^error: truncated\.elf at byte \d+: truncated ELF/],
    [
      'a segment outside memory',
      ['large.elf', '--memory', '2'],
      /^error: .*: segment .* does not fit in the machine's 2 MiB/,
    ],
    ['KVM without KVM', ['guest.elf', '--bare', '--apicv', 'off'], /^error: --apicv off: there is no hypervisor/],
    ['half a line of the environment', ['guest.elf', '--env', 'X'], /^error: --env X: is not NAME=VALUE/],
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
