/** Guests that fail: what `boot` says of them, with exit code 4. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tinyImage } from '../src/guest/test-support/tiny-image.js';
import { emptyFolder, ipivBench, type Finished } from './support/cli.js';

const folder = emptyFolder();

function boot(image: Uint8Array, ...args: readonly string[]): Finished {
  writeFileSync(join(folder, 'guest.elf'), image);
  return ipivBench(['boot', 'guest.elf', '--memory', '16', '--vcpus', '1', ...args], folder);
}

/** The disassembly of a report, without the bytes. */
function lastInstructions(stderr: string): string[] {
  return [...stderr.matchAll(/^ {4}([0-9a-f:]+) {2}(?:[0-9a-f]{2} )+ *(.*)$/gm)].map(([, at, text]) => `${at} ${text}`);
}

const START = ['0008:0010000c xor eax,eax', '0008:0010000e inc eax'];
const START_CODE = '31c0 40';

describe.each([
  ['under KVM', 'vCPU', []],
  ['without a hypervisor', 'CPU', ['--bare']],
])('a guest %s', (_, cpu, args) => {
  // prettier-ignore
  it.each([
    ['a triple fault',               '0f0b',       'triple fault at RIP 10000fH in 32-bit protected mode: #GP(0033H) while delivering #UD, #GP(006bH) while delivering #GP, #GP(0043H) while delivering #DF', 'ud2'],
    ['a nested task',                'bc00801000 6802400000 9d cf', 'a return to a nested task at RIP 10001aH in 32-bit protected mode is not implemented', 'iretd'],
  ])('that comes to %s is told its cause and its last instructions', (_what, code, cause, last) => {
    const { code: exitCode, stdout, stderr } = boot(tinyImage(START_CODE + code), ...args);
    expect(stderr.split('\n')[0].replace(/\d+ cycles$/, 'N cycles')).toBe(`error: ${cpu} 0: ${cause}, after N cycles`);
    const lines = lastInstructions(stderr);
    expect([lines.slice(0, START.length), lines.at(-1)?.replace(/^0008:[0-9a-f]+ /, '')]).toEqual([START, last]);
    expect(stderr).toMatch(/^ {2}RAX=0000000000000001 RCX=/m);
    expect([exitCode, stdout]).toEqual([4, '']);
  });

  it('that hangs is shown where', () => {
    const { code, stderr } = boot(tinyImage(`${START_CODE} fa f4`), ...args);
    expect(stderr).toMatch(/^error: the guest hangs: no CPU can ever go on, after \d+ cycles$/m);
    expect(lastInstructions(stderr)).toEqual([...START, '0008:0010000f cli', '0008:00100010 hlt']);
    expect(code).toBe(4);
  });

  it('that never ends is shown where when --max-cycles have passed', () => {
    const { code, stderr } = boot(tinyImage('83c001 ebfb'), ...args, '--max-cycles', '300000');
    expect(stderr).toMatch(/^error: the guest has not ended in the time it was given, after 300\d+ cycles$/m);
    const lines = lastInstructions(stderr);
    expect(lines).toHaveLength(10);
    expect(new Set(lines)).toEqual(new Set(['0008:0010000c add eax,1', '0008:0010000f jmp short 0x10000c']));
    expect(code).toBe(4);
  });

  it('that idles until --timeout has passed is shown where', () => {
    const { code, stderr } = boot(tinyImage('ebfe'), ...args, '--timeout', '1');
    expect(stderr).toMatch(/^error: the guest has not ended in the time it was given, after 2000000000 cycles$/m);
    expect(lastInstructions(stderr).at(-1)).toBe('0008:0010000c jmp short 0x10000c');
    expect(code).toBe(4);
  });
});

describe('a guest that KVM cannot run on', () => {
  it('is reported with the VMCS', () => {
    const { code, stderr } = boot(tinyImage(`${START_CODE} f30fb805000000f0`)); // popcnt eax, [F0000000H]
    expect(stderr.split('\n')[0].replace(/\d+ cycles$/, 'N cycles')).toBe(
      'error: vCPU 0: the KVM model cannot emulate POPCNT (f3 0f b8 05 00 00 00 f0) at RIP 10000fH in 32-bit code, after N cycles',
    );
    expect(lastInstructions(stderr).at(-1)).toBe('0008:0010000f popcnt eax,[0xf0000000]');
    expect(stderr).toMatch(/^ {2}\*\*\* Guest State \*\*\*$/m);
    expect(code).toBe(4);
  });
});

it('a vCPU that has not been started is said to have done nothing', () => {
  const { stderr } = boot(tinyImage('ebfe'), '--vcpus', '2', '--max-cycles', '300000');
  expect(stderr).toMatch(
    /^ {2}vCPU 0, last instructions:$[^]*^ {2}vCPU 1, last instructions: none in the last 100000 cycles$/m,
  );
});
