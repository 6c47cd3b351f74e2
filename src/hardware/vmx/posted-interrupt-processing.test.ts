import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { vmxMachine } from '../../../test/support/vmx-machine.js';
import { STEP } from '../../cost/step.js';
import { APIC_IRR, APIC_ISR, APIC_PPR, APIC_TPR } from '../apic/registers.js';
import { ACTIVITY_ACTIVE, ACTIVITY_HLT, ACTIVITY_MWAIT } from '../cpu/activity.js';
import { testVector } from '../apic/vectors.js';
import { isPirEmpty } from './posted-interrupt-descriptor.js';

/** The target has interrupts disabled, so that what was recognized can be looked at. */
function postedTarget(vector: number, controls = {}) {
  const machine = vmxMachine({ controls });
  const { target } = machine;
  target.interruptsEnabled = false;
  if (vector > 0) machine.post(1, vector);
  return { machine, target };
}

const VECTORS = Array.from({ length: 256 }, (_, vector) => vector);

describe('posted-interrupt processing', () => {
  it('37: a notification moves PIR to VIRR, clears ON and is dismissed, without an exit', () => {
    const { machine, target } = postedTarget(0x31);
    machine.memory.write32(machine.descriptor(1) + 32, machine.memory.read32(machine.descriptor(1) + 32) | 1);
    target.notify();
    expect(machine.outstanding(1)).toBe(false);
    expect(isPirEmpty(machine.memory, machine.descriptor(1))).toBe(true);
    expect(target.requests(0x31)).toBe(true);
    expect(target.state.rvi).toBe(0x31);
    expect(target.cpu.apic.readMsr(0x810 + 7)).toEqual({ hi: 0, lo: 0 });
    expect(target.cpu.apic.requestsService).toBe(false);
    expect(target.externalInterrupts).toEqual([]);
    expect(target.exits).toEqual([]);
  });

  it('38: another vector is acknowledged and exits', () => {
    const { target } = postedTarget(0x31);
    target.cpu.apic.accept(0xec, false);
    target.boundary();
    expect(target.externalInterrupts).toEqual([0xec]);
    expect(target.state.rvi).toBe(0);
  });

  it('38: without acknowledge-on-exit the interrupt stays pending', () => {
    const { target } = postedTarget(0, { ackOnExit: false, processPostedInterrupts: false });
    target.cpu.apic.accept(0xec, false);
    target.boundary();
    expect(target.externalInterrupts).toEqual([-1]);
    expect(target.cpu.apic.requestsService).toBe(true);
  });

  it('39: with IF = 0 the interrupt is recognized and delivered once IF = 1', () => {
    const { target } = postedTarget(0x31);
    target.notify();
    expect(target.state.recognized).toBe(true);
    expect(target.delivered).toEqual([]);
    target.iret();
    expect(target.delivered).toEqual([0x31]);
  });

  it('40: with interrupt-window exiting nothing is recognized', () => {
    const { target } = postedTarget(0x31, { interruptWindowExiting: true });
    target.notify();
    expect(target.state.rvi).toBe(0x31);
    expect(target.state.recognized).toBe(false);
  });

  it('41: a vector of the class of VTPR waits until the TPR is lowered', () => {
    const { target } = postedTarget(0x31);
    target.interruptsEnabled = true;
    target.write(APIC_TPR, 0x30);
    target.notify();
    expect(target.state.rvi).toBe(0x31);
    expect(target.state.recognized).toBe(false);
    target.write(APIC_TPR, 0x20);
    expect(target.delivered).toEqual([0x31]);
    expect(target.exits).toEqual([]);
  });

  it('42: a notification with an empty PIR changes nothing', () => {
    const { machine, target } = postedTarget(0);
    target.interruptsEnabled = true;
    target.notify();
    expect([target.state.rvi, target.delivered]).toEqual([0, []]);
    // A request that waits for a lower TPR keeps its RVI.
    target.write(APIC_TPR, 0x30);
    machine.post(1, 0x31);
    target.notify();
    target.notify();
    expect([target.state.rvi, target.delivered]).toEqual([0x31, []]);
    expect([target.exits, target.externalInterrupts]).toEqual([[], []]);
  });

  it('43: an interrupt of an allowed class ends HLT', () => {
    const { machine, target } = postedTarget(0x31);
    target.interruptsEnabled = true;
    target.cpu.activity = ACTIVITY_HLT;
    target.notify();
    expect(target.cpu.activity).toBe(ACTIVITY_ACTIVE);
    expect(target.delivered).toEqual([0x31]);
    expect(machine.charged(1, STEP.HLT_WAKE)).toBe(1);
  });

  it('43: an interrupt of a blocked class leaves HLT alone', () => {
    const { machine, target } = postedTarget(0x31);
    target.interruptsEnabled = true;
    target.setRegister(APIC_TPR, 0x30);
    target.setRegister(APIC_PPR, 0x30);
    target.cpu.activity = ACTIVITY_HLT;
    target.notify();
    expect(target.cpu.activity).toBe(ACTIVITY_HLT);
    expect(target.delivered).toEqual([]);
    expect(machine.charged(1, STEP.HLT_WAKE)).toBe(0);
  });

  it('a notification ends MWAIT whatever its class', () => {
    const { machine, target } = postedTarget(0);
    target.cpu.activity = ACTIVITY_MWAIT;
    target.notify();
    expect(target.cpu.activity).toBe(ACTIVITY_ACTIVE);
    expect(machine.charged(1, STEP.MWAIT_WAKE)).toBe(1);
  });

  it('is charged as recognition and processing', () => {
    const { machine, target } = postedTarget(0x31);
    target.notify();
    expect(machine.charged(1, STEP.INTERRUPT_RECOGNITION)).toBe(1);
    expect(machine.charged(1, STEP.PI_PROCESSING)).toBe(1);
    expect(machine.charged(1, STEP.VIRTUAL_INTERRUPT_DELIVERY)).toBe(0);
  });

  it('RVI is the highest of what was pending and what was posted', () => {
    const vectors = fc.uniqueArray(fc.integer({ min: 16, max: 255 }), { maxLength: 6 });
    fc.assert(
      fc.property(vectors, vectors, (pending, posted) => {
        const { machine, target } = postedTarget(0);
        for (const vector of pending) target.request(vector);
        target.state.rvi = Math.max(0, ...pending);
        for (const vector of posted) machine.post(1, vector);
        target.notify();
        expect(target.state.rvi).toBe(Math.max(0, ...pending, ...posted));
        for (const vector of [...pending, ...posted]) expect(target.requests(vector)).toBe(true);
      }),
    );
  });
});

describe('virtual-interrupt delivery and EOI', () => {
  it('44: delivery moves the vector from VIRR to VISR and raises VPPR', () => {
    const { target } = postedTarget(0x31);
    target.notify();
    target.iret();
    expect(target.inService(0x31)).toBe(true);
    expect(target.state.svi).toBe(0x31);
    expect(target.register(APIC_PPR)).toBe(0x30);
    expect(target.requests(0x31)).toBe(false);
    expect(target.state.rvi).toBe(0);
  });

  it('45: EOI ends the service without an exit', () => {
    const { target } = postedTarget(0x31);
    target.notify();
    target.iret();
    target.setRegister(APIC_TPR, 0x10);
    target.write(0x0b0, 0);
    expect(target.state.svi).toBe(0);
    expect(target.inService(0x31)).toBe(false);
    expect(target.register(APIC_PPR)).toBe(0x10);
    expect(target.exits).toEqual([]);
  });

  it('45: EOI exits behind the instruction when the EOI-exit bitmap says so', () => {
    const { target } = postedTarget(0x31);
    target.state.eoiExitBitmap[1] = 1 << 0x11;
    target.notify();
    target.iret();
    target.write(0x0b0, 0);
    expect(target.exits).toEqual([{ reason: 45, qualification: 0x31, trapLike: true }]);
    expect(target.cpu.rip).toBe(3);
    expect(target.state.svi).toBe(0);
  });

  it('46: of two pending vectors the higher comes first, the other after EOI', () => {
    const { machine, target } = postedTarget(0x31);
    machine.post(1, 0x41);
    target.notify();
    target.iret();
    expect(target.delivered).toEqual([0x41]);
    target.write(0x0b0, 0);
    target.iret();
    expect(target.delivered).toEqual([0x41, 0x31]);
  });

  it('47: an IPI with the vector in service waits for the EOI', () => {
    const { machine, target } = postedTarget(0x20);
    target.notify();
    target.iret();
    machine.post(1, 0x20);
    target.notify();
    target.iret();
    expect(target.state.rvi).toBe(0x20);
    expect(target.state.svi).toBe(0x20);
    expect(target.delivered).toEqual([0x20]);
    target.write(0x0b0, 0);
    expect(target.delivered).toEqual([0x20, 0x20]);
  });

  it('blocking by STI delays delivery by one instruction', () => {
    const { target } = postedTarget(0x31);
    target.interruptsEnabled = true;
    target.cpu.shadow = 1;
    target.notify();
    expect(target.delivered).toEqual([]);
    target.cpu.shadow = 0;
    target.boundary();
    expect(target.delivered).toEqual([0x31]);
  });

  it('RVI and SVI stay the highest bits of VIRR and VISR', () => {
    const step = fc.oneof(
      fc.integer({ min: 16, max: 255 }).map((vector) => ({ kind: 'post' as const, vector })),
      fc.constant({ kind: 'eoi' as const, vector: 0 }),
      fc.integer({ min: 0, max: 15 }).map((level) => ({ kind: 'tpr' as const, vector: level << 4 })),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { machine, target } = postedTarget(0);
        for (const { kind, vector } of steps) {
          target.interruptsEnabled = true;
          if (kind === 'post') {
            machine.post(1, vector);
            target.notify();
          } else {
            target.write(kind === 'eoi' ? 0x0b0 : APIC_TPR, vector);
          }
          const { u32, ram } = machine.memory;
          const word = (register: number) => (ram + target.state.virtualApicPage + register) >>> 2;
          const highest = (register: number) =>
            Math.max(0, ...VECTORS.filter((each) => testVector(u32, word(register), 4, each)));
          expect(target.state.rvi).toBe(highest(APIC_IRR));
          expect(target.state.svi).toBe(highest(APIC_ISR));
          expect(target.state.rvi >> 4).toBeLessThanOrEqual(
            Math.max(target.state.svi >> 4, target.register(APIC_TPR) >> 4, target.state.recognized ? 15 : 0),
          );
        }
      }),
      { numRuns: 50 },
    );
  });

  it('VM entry performs PPR virtualization and evaluation', () => {
    const { target } = postedTarget(0);
    target.setRegister(APIC_TPR, 0x25);
    target.state.rvi = 0x31;
    target.apic.enter();
    expect(target.register(APIC_PPR)).toBe(0x25);
    expect(target.state.recognized).toBe(true);
    target.state.svi = 0x32;
    target.apic.enter();
    expect(target.register(APIC_PPR)).toBe(0x30);
    expect(target.state.recognized).toBe(false);
  });
});
