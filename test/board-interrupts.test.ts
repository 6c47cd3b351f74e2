/** Interrupts of the board's devices on small 32-bit guests, under KVM and without it. */
import { describe, expect, it } from 'vitest';
import { tinyImage } from '../src/guest/test-support/tiny-image.js';
import * as X from '../src/hardware/vmx/exit-reason.js';
import { runImage } from '../src/machine/image-run.js';
import { imageMachine, type ImageMachineOptions } from './support/image-machine.js';

/**
 * Each guest loads a GDT and an IDT with one gate (vector 20H), enables the local APIC, prepares its interrupt, and halts
 * until the handler has counted three. Then the count goes to the exit port.
 */
const GUESTS = {
  // LINT0 as ExtINT, the PIC's vectors from 20H with IRQ 0 open, counter 0 of the PIT every 1000 ticks; EOI to the PIC.
  'the PIT through the PIC and LINT0': `
    0f0115a8001000 ea1a0010000800 b810000000 8ed8 8ec0 8ed0 bc00001800 0f011dae001000
    c705f000e0feff010000 c7055003e0fe00070000 b011e620 b020e621 b004e621 b001e621 b0fee621
    b034e643 b0e8e640 b003e640 fb f4 fa 833db400100003 72f4 a1b4001000 e7f4
    50 ff05b4001000 b020e620 58 cf 8d7600
    0000000000000000 ffff0000009bcf00 ffff00000093cf00 78000800008e1000 170088001000 0701a0ff0f00 00000000`,
  // The same PIT at input 2 of the I/O APIC, edge-triggered; EOI to the local APIC.
  'the PIT through the I/O APIC': `
    0f0115a8001000 ea1a0010000800 b810000000 8ed8 8ec0 8ed0 bc00001800 0f011dae001000
    c705f000e0feff010000 b0ffe621 c7050000c0fe14000000 c7051000c0fe20000000
    b034e643 b0e8e640 b003e640 fb f4 fa 833db400100003 72f4 a1b4001000 e7f4
    50 ff05b4001000 c705b000e0fe00000000 58 cf 8d7600
    0000000000000000 ffff0000009bcf00 ffff00000093cf00 72000800008e1000 170088001000 0701a0ff0f00 00000000`,
  // Line 14 of the test device, level-triggered, stays high: each EOI brings it again until the third handler lowers it.
  'a level-triggered line': `
    0f0115b8001000 ea1a0010000800 b810000000 8ed8 8ec0 8ed0 bc00001800 0f011dbe001000
    c705f000e0feff010000 b0ffe621 c7050000c0fe2c000000 c7051000c0fe20800000
    b001 66ba0e20 ee fb f4 fa 833dc400100003 72f4 a1c4001000 e7f4
    50 ff05c4001000 833dc400100003 7209 52 b000 66ba0e20 ee 5a c705b000e0fe00000000 58 cf 8db600000000
    0000000000000000 ffff0000009bcf00 ffff00000093cf00 6d000800008e1000 170098001000 0701b0ff0f00 00000000`,
  // Register B of the real-time clock asks for periodic interrupts, the PIC has IRQ 8 open; EOI to both chips, read of C.
  'the real-time clock through the PICs': `
    0f0115c0001000 ea1a0010000800 b810000000 8ed8 8ec0 8ed0 bc00001800 0f011dc6001000
    c705f000e0feff010000 c7055003e0fe00070000
    b011e620 b018e621 b004e621 b001e621 b0fbe621 b011e6a0 b020e6a1 b002e6a1 b001e6a1 b0fee6a1
    b00be670 b042e671 fb f4 fa 833dcc00100003 72f4 a1cc001000 e7f4
    50 ff05cc001000 b00ce670 e471 b020e6a0 e620 58 cf 8d7600
    0000000000000000 ffff0000009bcf00 ffff00000093cf00 88000800008e1000 1700a0001000 0701b8ff0f00 00000000`,
} as const;

/**
 * The PIT at the I/O APIC every 1000 ticks, as above. The guest counts to 16 million with interrupts off, to 400 000 with
 * interrupts on, and exits with the number of interrupts.
 */
const LATE = `
  0f0115a8001000 ea1a0010000800 b810000000 8ed8 8ec0 8ed0 bc00001800 0f011dae001000
  c705f000e0feff010000 b0ffe621 c7050000c0fe14000000 c7051000c0fe20000000
  b034e643 b0e8e640 b003e640 e954000000 90909090909090 a1b4001000 e7f4
  50 ff05b4001000 c705b000e0fe00000000 58 cf 8d7600
  0000000000000000 ffff0000009bcf00 ffff00000093cf00 72000800008e1000 170088001000 0701a0ff0f00 00000000
  b90024f400 4975fd fb b9801a0600 4975fd fa e99cffffff`;

type Guest = keyof typeof GUESTS;

function run(guest: Guest, options: ImageMachineOptions = {}, fastForward = true) {
  return runCode(GUESTS[guest], options, fastForward);
}

function runCode(code: string, options: ImageMachineOptions = {}, fastForward = true) {
  const image = tinyImage(code.replaceAll(/\s/g, ''));
  const machine = imageMachine(image, { maxCycles: 1e8, ...options }, { simulation: { fastForward } });
  return { machine, outcome: runImage(machine) };
}

describe.each(Object.keys(GUESTS) as Guest[])('%s', (guest) => {
  it.each<[string, ImageMachineOptions]>([
    ['under KVM with APICv', {}],
    ['under KVM without APICv', { ipiv: false, kvm: { enableApicv: false } }],
    ['under KVM v1', { kvm: { version: 'v1' } }],
    ['with HLT passed through', { haltPolicy: 'hlt-passthrough' }],
    ['without a hypervisor', { bare: true }],
  ])('interrupts %s', (_, options) => {
    expect(run(guest, options).outcome).toEqual({ kind: 'exit', code: 3 });
  });

  it('takes the same cycles with and without fast-forwarding', () => {
    expect(run(guest, {}, false).machine.cycles()).toBe(run(guest).machine.cycles());
  });
});

describe('under KVM with APICv', () => {
  const exits = (guest: Guest, reason: number): number => run(guest).machine.kvm?.exitStatistics(0).exits[reason] ?? 0;

  it.each<Guest>(['a level-triggered line', 'the PIT through the I/O APIC'])(
    'the ends of interrupts that the I/O APIC or the PIT wait for exit: %s',
    (guest) => {
      expect(exits(guest, X.EXIT_REASON_EOI_INDUCED)).toBe(3);
    },
  );

  it('the timer behind the PIT runs at its pace', () => {
    const { machine } = run('the PIT through the I/O APIC', {});
    const threePeriods = Math.floor((3 * 1000 * 2e9) / 1_193_182);
    expect(machine.cycles()).toBeGreaterThan(threePeriods);
    expect(machine.cycles()).toBeLessThan(threePeriods * 1.1);
  });
});

describe('ticks of the PIT that pass with interrupts off', () => {
  const interrupts = (options: ImageMachineOptions): number => {
    const { outcome } = runCode(LATE, options);
    return outcome.kind === 'exit' ? outcome.code : -1;
  };

  it('all come later under KVM, which counts them', () => {
    const [apicv, without] = [{}, { ipiv: false, kvm: { enableApicv: false } }].map(interrupts);
    expect(apicv).toBeGreaterThan(4);
    expect(without).toBe(apicv);
  });

  it('are one edge without a hypervisor', () => {
    expect(interrupts({ bare: true })).toBe(1);
  });
});

describe.each([
  ['under KVM', {}],
  ['without a hypervisor', { bare: true }],
])('a guest that leaves the local APIC alone, %s', (_, options) => {
  it('has the interrupts of the PIC, as firmware leaves the wires', () => {
    const programming = 'c705f000e0feff010000 c7055003e0fe00070000';
    const code = GUESTS['the PIT through the PIC and LINT0'].replace(programming, '90'.repeat(20));
    expect(runCode(code, options).outcome).toEqual({ kind: 'exit', code: 3 });
  });
});
