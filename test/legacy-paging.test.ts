/** 32-bit guests with PAE and with two-level paging, under EPT and without it. */
import { describe, expect, it } from 'vitest';
import { tinyImage } from '../src/guest/test-support/tiny-image.js';
import { runImage, type ImageOutcome } from '../src/machine/image-run.js';
import { imageMachine, type ImageMachineOptions } from './support/image-machine.js';

/** Two sets of tables: the first maps 4 MiB to itself, the second to 6 MiB. 11H lies at 4 MiB, 22H at 6 MiB. */
const PAE_TABLES = `
  c70500002000 01102000 c70520002000 01202000
  c70500102000 83000000 c70508102000 83002000 c70510102000 83004000
  c70500202000 83000000 c70508202000 83002000 c70510202000 83006000
  c70500004000 11000000 c70500006000 22000000`;
/** CR3 = 200000H, CR0.PG. */
const PAGING_ON = 'b800002000 0f22d8 0f20c0 0d00000080 0f22c0 eb00';
const CR4_PAE = 'b820000000 0f22e0';
/** EBX = EBX * 100H + what lies at linear address 4 MiB. */
const READ = 'c1e308 031d00004000';
/** The result goes to the exit port. */
const EXIT = '89d8 e7f4';

const GUESTS = {
  // The pointer in memory changes; an exit, an entry and INVLPG later it has not been loaded; MOV to CR3 loads it.
  'PAE paging keeps its pointers until CR3 is written': `
    ${PAE_TABLES} 31db ${CR4_PAE} ${PAGING_ON} ${READ}
    c70500002000 01202000 e680 0f013d00004000 ${READ}
    b800002000 0f22d8 ${READ} ${EXIT}`,
  // The same change, then CR4.PSE is set.
  'PAE paging loads them on writes to CR4': `
    ${PAE_TABLES} 31db ${CR4_PAE} ${PAGING_ON} ${READ}
    c70500002000 01202000 0f013d00004000 ${READ}
    b830000000 0f22e0 ${READ} ${EXIT}`,
  // Twice without paging, then linear 4 MiB is physical 8 MiB.
  'two-level paging has pages of 4 MiB with CR4.PSE': `
    c70500002000 83000000 c70504002000 83008000 c70500004000 11000000 c70500008000 22000000
    31db ${READ} ${READ} b810000000 0f22e0 ${PAGING_ON} ${READ} ${EXIT}`,
  // The same with a page table that moves its first page.
  'two-level paging has pages of 4 KiB': `
    c70500002000 03102000 c70504002000 03202000 c70500202000 03504000
    b900000000 89c8 c1e00c 0d03000000 89048d00102000 41 81f900040000 72e6
    c70500004000 11000000 c70500504000 22000000
    31db ${READ} ${READ} ${PAGING_ON} ${READ} ${EXIT}`,
} as const;

const MACHINES: readonly [string, ImageMachineOptions][] = [
  ['under KVM with APICv', {}],
  ['under KVM without APICv', { ipiv: false, kvm: { enableApicv: false } }],
  ['without a hypervisor', { bare: true }],
];

function run(code: string, options: ImageMachineOptions): ImageOutcome {
  return runImage(imageMachine(tinyImage(code.replaceAll(/\s/g, '')), { maxCycles: 1e7, ...options }));
}

describe.each(MACHINES)('%s', (_, options) => {
  it.each(Object.entries(GUESTS))('%s', (__, code) => {
    expect(run(code, options)).toEqual({ kind: 'exit', code: 0x11_1122 });
  });

  it('instructions on devices are found through the pointers', () => {
    const code = `${PAE_TABLES} c70518002000 01302000 c705b03f2000 8300c0fe ${CR4_PAE} ${PAGING_ON}
      c7050000c0fe01000000 a11000c0fe e7f4`;
    expect(run(code, options)).toEqual({ kind: 'exit', code: 0x17_0011 });
  });

  it.each([
    ['MOV to CR0', `${PAE_TABLES} c70508002000 03000000 ${CR4_PAE} ${PAGING_ON} ${EXIT}`],
    ['MOV to CR3', `${PAE_TABLES} ${CR4_PAE} ${PAGING_ON} c70508002000 03000000 b800002000 0f22d8 ${EXIT}`],
    ['MOV to CR4', `${PAE_TABLES} ${CR4_PAE} ${PAGING_ON} c70508002000 03000000 b830000000 0f22e0 ${EXIT}`],
  ])('%s refuses a pointer with reserved bits: #GP, and with no IDT a triple fault', (__, code) => {
    expect(run(code, options)).toMatchObject({ kind: 'failure', message: expect.stringContaining('triple fault') });
  });
});
