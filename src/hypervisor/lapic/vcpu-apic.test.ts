import { describe, expect, it } from 'vitest';
import { PhysicalMemory } from '../../hardware/memory/physical-memory.js';
import * as R from './registers.js';
import * as A from './vcpu-apic.js';

const XAPIC = 0xfee0_0800;
const X2APIC = 0xfee0_0c00;
const DISABLED = 0xfee0_0000;

function apic(mode: number = XAPIC, id = 1): A.VcpuApic {
  const memory = new PhysicalMemory({ cpus: 1, ramBytes: 4096, trackedPages: 1, records: 1, codePages: 1 });
  const created = new A.VcpuApic(memory, 0, id);
  created.setBase(mode, 0, true);
  return created;
}

describe('register writes', () => {
  it('an ICR write in xAPIC mode clears the busy bit and sends with ICR2 as high half', () => {
    const chip = apic();
    expect(chip.writeRegister(R.APIC_ICR2, 0x0512_3456)).toBe(A.APIC_WRITE_DONE);
    expect(chip.writeRegister(R.APIC_ICR, 0x5031)).toBe(A.APIC_WRITE_SENDS);
    expect([chip.icrLow, chip.icrHigh]).toEqual([0x4031, 0x0500_0000]);
    expect(chip.page.read(R.APIC_ICR)).toBe(0x4031);
  });

  it('an ICR in x2APIC mode is one 64-bit register', () => {
    const chip = apic(X2APIC);
    chip.writeIcr(0x4031, 0x1_0001);
    expect([chip.page.read(R.APIC_ICR), chip.page.read(R.APIC_ICR + 4)]).toEqual([0x4031, 0x1_0001]);
    expect(chip.page.read(R.APIC_ICR2)).toBe(0);
  });

  it('an xAPIC ID other than the vCPU ID is reported', () => {
    expect(apic().writeRegister(R.APIC_ID, 1 << 24)).toBe(A.APIC_WRITE_MAP);
    expect(apic().writeRegister(R.APIC_ID, 7 << 24)).toBe(A.APIC_WRITE_ID);
    expect(apic(X2APIC).writeRegister(R.APIC_ID, 7)).toBe(A.APIC_WRITE_INVALID);
  });

  it('disabling the APIC by software masks every LVT entry', () => {
    const chip = apic();
    chip.writeRegister(R.APIC_SPIV, 0x1ff);
    chip.writeRegister(R.APIC_LVTT, 0x31);
    expect(chip.page.read(R.APIC_LVTT)).toBe(0x31);
    chip.writeRegister(R.APIC_SPIV, 0xff);
    expect(chip.page.read(R.APIC_LVTT)).toBe(R.APIC_LVT_MASKED | 0x31);
    expect(chip.acceptsInterrupts).toBe(false);
  });

  it.each([R.APIC_LVR, R.APIC_PROCPRI, R.APIC_ISR, R.APIC_TMCCT])('offset %i is read-only', (offset) => {
    expect(apic().writeRegister(offset, 0)).toBe(A.APIC_WRITE_INVALID);
  });

  it('self-IPI exists in x2APIC mode only, with a vector of 8 bits', () => {
    expect(apic(X2APIC).writeRegister(R.APIC_SELF_IPI, 0x31)).toBe(A.APIC_WRITE_SELF_IPI);
    expect(apic(X2APIC).writeRegister(R.APIC_SELF_IPI, 0x131)).toBe(A.APIC_WRITE_INVALID);
    expect(apic().writeRegister(R.APIC_SELF_IPI, 0x31)).toBe(A.APIC_WRITE_INVALID);
  });
});

describe('priority', () => {
  it('the highest request above the processor priority goes from IRR to ISR', () => {
    const chip = apic();
    chip.page.setVector(R.APIC_IRR, 0x31);
    chip.page.setVector(R.APIC_IRR, 0x41);
    expect(chip.acknowledge()).toBe(0x41);
    expect(chip.acknowledge()).toBe(-1);
    expect(chip.writeRegister(R.APIC_EOI, 0)).toBe(A.APIC_WRITE_PRIORITY);
    expect(chip.endedVector).toBe(0x41);
    expect(chip.acknowledge()).toBe(0x31);
  });

  it('a request of the same class as TPR waits', () => {
    const chip = apic();
    chip.writeRegister(R.APIC_TASKPRI, 0x30);
    chip.page.setVector(R.APIC_IRR, 0x3f);
    expect(chip.page.deliverableVector).toBe(-1);
    chip.writeRegister(R.APIC_TASKPRI, 0x2f);
    expect(chip.page.deliverableVector).toBe(0x3f);
  });

  it('an EOI with nothing in service does nothing', () => {
    expect(apic().endOfInterrupt()).toBe(A.APIC_WRITE_DONE);
  });
});

describe('IA32_APIC_BASE', () => {
  // prettier-ignore
  it.each([
    [DISABLED, DISABLED, true],  [DISABLED, XAPIC, true],  [DISABLED, X2APIC, false],
    [XAPIC,    DISABLED, true],  [XAPIC,    XAPIC, true],  [XAPIC,    X2APIC, true],
    [X2APIC,   DISABLED, true],  [X2APIC,   XAPIC, false], [X2APIC,   X2APIC, true],
    [XAPIC,    0xfee0_0400, false], [XAPIC, 0xfee0_0801, false],
  ])('from %i to %i: %s', (from, to, allowed) => {
    expect(apic(from).setBase(to, 0)).toBe(allowed);
  });

  it('x2APIC mode derives LDR from the ID', () => {
    const chip = apic(X2APIC, 0x25);
    expect([chip.page.read(R.APIC_ID), chip.page.read(R.APIC_LDR)]).toEqual([0x25, 0x2_0020]);
  });

  it('x2APIC mode has neither DFR nor ICR2', () => {
    for (const offset of [R.APIC_DFR, R.APIC_ICR2]) {
      expect(apic(X2APIC).readRegister(offset)).toBe(-1);
      expect(apic().readRegister(offset)).not.toBe(-1);
    }
  });
});
