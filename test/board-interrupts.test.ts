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
} as const;

type Guest = keyof typeof GUESTS;

function run(guest: Guest, options: ImageMachineOptions = {}, fastForward = true) {
  const image = tinyImage(GUESTS[guest].replaceAll(/\s/g, ''));
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
  const exits = (guest: Guest, reason: number): number => run(guest).machine.kvm?.exitCounts(0)[reason] ?? 0;

  it('ends of level-triggered interrupts exit, of edge-triggered ones not', () => {
    expect(exits('a level-triggered line', X.EXIT_REASON_EOI_INDUCED)).toBe(3);
    expect(exits('the PIT through the I/O APIC', X.EXIT_REASON_EOI_INDUCED)).toBe(0);
  });

  it('the timer behind the PIT runs at its pace', () => {
    const { machine } = run('the PIT through the I/O APIC', {});
    const threePeriods = Math.floor((3 * 1000 * 2e9) / 1_193_182);
    expect(machine.cycles()).toBeGreaterThan(threePeriods);
    expect(machine.cycles()).toBeLessThan(threePeriods * 1.1);
  });
});
