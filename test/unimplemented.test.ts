/** What the processor lacks: every way into it is named, with mode and bytes. */
import { describe, expect, it } from 'vitest';
import { tinyImage } from '../src/guest/test-support/tiny-image.js';
import { runImage } from '../src/machine/image-run.js';
import { imageMachine } from './support/image-machine.js';

const SET_STACK = 'bc00801000';
const LGDT = '0f0115';
const LIDT = '0f011d';
const NULL_DESCRIPTOR = '0000000000000000';
const CODE_DESCRIPTOR = 'ffff0000009bcf00';
const TSS_DESCRIPTOR = '6700000010890000';
const TASK_GATE = '0000100000850000';
const TABLE = `${NULL_DESCRIPTOR}${CODE_DESCRIPTOR}${TSS_DESCRIPTOR}${TASK_GATE}`;
/** Of the image, which begins at 100000H with its header: pointer to the table, and table. */
const POINTER_OFFSET = 0x80;
const HEADER_SIZE = 12;

/** A guest whose `code` follows LGDT or LIDT of the table. */
function withTable(load: string, code: string): Uint8Array {
  const start = `${SET_STACK} ${load} 80001000 ${code}`.replaceAll(' ', '');
  return tinyImage(`${start.padEnd((POINTER_OFFSET - HEADER_SIZE) * 2, '0')} 1f00 88001000 0000 ${TABLE}`);
}

const VIRTUAL_8086 = tinyImage(`${SET_STACK} 6a00 6a00 6a00 6a00 6a00 6800700000 6802000200 6a00 6a00 cf`);
const NESTED = tinyImage(`${SET_STACK} 6802400000 9d cf`);

/** FNINIT, FLDCW with IM = 0, FADD on an empty stack, FWAIT. */
const X87_EXCEPTION = tinyImage(`${SET_STACK} dbe3 683e030000 d92c24 d8c1 9b`);

it.each([
  ['is named on bare processors', true, /^CPU 0: an x87 exception by FERR# \(CR0.NE = 0\) at RIP [0-9a-f]+H in 32-bit/],
  ['is #MF under KVM, where CR0.NE is 1', false, /^vCPU 0: triple fault .* while delivering #MF,/],
])('an x87 exception with the guest’s CR0.NE = 0 %s', (_, bare, message) => {
  const outcome = runImage(imageMachine(X87_EXCEPTION, { bare, vcpus: 1, maxCycles: 1e6 }));
  expect(outcome.kind === 'failure' ? outcome.message : outcome.kind).toMatch(message);
});

describe.each([
  ['under KVM', false],
  ['without a hypervisor', true],
])('%s', (_, bare) => {
  // prettier-ignore
  it.each([
    ['IRET to virtual-8086 mode',   VIRTUAL_8086,                        'a return to virtual-8086 mode',     'cf'],
    ['IRET from a nested task',     NESTED,                              'a return to a nested task',         'cf'],
    ['JMP to a task state',         withTable(LGDT, 'ea 00000000 1000'), 'a task switch',                     'ea 00 00 00 00 10 00'],
    ['JMP to a task gate',          withTable(LGDT, 'ea 00000000 1800'), 'a task switch',                     'ea 00 00 00 00 18 00'],
    ['CALL to a task state',        withTable(LGDT, '9a 00000000 1000'), 'a task switch',                     '9a 00 00 00 00 10 00'],
    ['CALL to a task gate',         withTable(LGDT, '9a 00000000 1800'), 'a task switch',                     '9a 00 00 00 00 18 00'],
    ['INT through a task gate',     withTable(LIDT, 'cd 03'),            'a task switch through a task gate', 'cd 03'],
  ])('%s is named, with mode and bytes', (_what, image, what, bytes) => {
    const outcome = runImage(imageMachine(image, { bare, vcpus: 1, maxCycles: 1e6 }));
    if (outcome.kind !== 'failure') throw new Error('the guest ended by itself');
    expect(outcome.message.replace(/[0-9a-f]+H/, 'N')).toBe(
      `${bare ? 'CPU' : 'vCPU'} 0: ${what} at RIP N in 32-bit protected mode is not implemented`,
    );
    const trail = outcome.details.filter((line) => /^ {2}0008:/.test(line));
    expect(trail.at(-1)).toMatch(new RegExp(`^ {2}0008:[0-9a-f]{8} {2}${bytes} `));
  });
});
