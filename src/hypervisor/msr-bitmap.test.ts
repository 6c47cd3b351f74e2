import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PhysicalMemory } from '../hardware/memory/physical-memory.js';
import { MsrBitmap } from './msr-bitmap.js';

const PAGE = 4096;

function bitmap(mode: { x2apic: boolean; apicv: boolean; ipiv: boolean }, uintr = false): MsrBitmap {
  const memory = new PhysicalMemory({ cpus: 1, ramBytes: 2 * PAGE });
  const result = new MsrBitmap(memory, PAGE, { uintr });
  result.updateX2apic(mode);
  return result;
}

/** 'RW' = both pass through, '--' = both exit. */
function passed(map: MsrBitmap, msr: number): string {
  return (map.interceptsRead(msr) ? '-' : 'R') + (map.interceptsWrite(msr) ? '-' : 'W');
}

const TPR = 0x808;
const EOI = 0x80b;
const ICR = 0x830;
const CURRENT_COUNT = 0x839;
const SELF_IPI = 0x83f;
const SVR = 0x80f;

describe('MSR bitmap of 800H-83FH', () => {
  // prettier-ignore
  const rows = [
    // mode                                                TPR   EOI   ICR   count self  SVR
    [{ x2apic: false, apicv: false, ipiv: false }, ['--', '--', '--', '--', '--', '--']],
    [{ x2apic: false, apicv: true,  ipiv: true  }, ['--', '--', '--', '--', '--', '--']],
    [{ x2apic: true,  apicv: false, ipiv: false }, ['RW', '--', '--', '--', '--', '--']],
    [{ x2apic: true,  apicv: true,  ipiv: false }, ['RW', '-W', 'R-', '--', '-W', 'R-']],
    [{ x2apic: true,  apicv: true,  ipiv: true  }, ['RW', '-W', 'RW', '--', '-W', 'R-']],
  ] as const;

  it.each(rows)('passes through by mode %j', (mode, expected) => {
    const map = bitmap(mode);
    expect([TPR, EOI, ICR, CURRENT_COUNT, SELF_IPI, SVR].map((msr) => passed(map, msr))).toEqual(expected);
  });

  it('84: intercepts ICR writes whenever IPI virtualization is off', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), (x2apic, apicv) => {
        expect(bitmap({ x2apic, apicv, ipiv: false }).interceptsWrite(ICR)).toBe(true);
      }),
    );
  });

  it('85: intercepts reads of the current count in every mode', () => {
    expect(bitmap({ x2apic: true, apicv: true, ipiv: true }).interceptsRead(CURRENT_COUNT)).toBe(true);
  });

  it('leaves 840H and above intercepted', () => {
    const map = bitmap({ x2apic: true, apicv: true, ipiv: true });
    for (let msr = 0x840; msr < 0x900; msr++) expect(passed(map, msr)).toBe('--');
  });

  it('goes back to intercepting when the guest leaves x2APIC mode', () => {
    const map = bitmap({ x2apic: true, apicv: true, ipiv: true });
    map.updateX2apic({ x2apic: false, apicv: true, ipiv: true });
    for (let msr = 0x800; msr < 0x840; msr++) expect(passed(map, msr)).toBe('--');
  });
});

describe('MSR bitmap', () => {
  const off = { x2apic: false, apicv: false, ipiv: false };

  it('puts MSR 830H at bytes 106H and 906H, bit 0, and C0000100H in the high quarters', () => {
    const memory = new PhysicalMemory({ cpus: 1, ramBytes: 2 * PAGE });
    const map = new MsrBitmap(memory, PAGE, { uintr: false });
    map.interceptRead(ICR, false);
    map.interceptWrite(ICR, false);
    expect(memory.read8(PAGE + 0x106) & 1).toBe(0);
    expect(memory.read8(PAGE + 0x906) & 1).toBe(0);
    expect(memory.read8(PAGE + 0x420) & 1).toBe(0);
    expect(memory.read8(PAGE + 0xc20) & 1).toBe(0);
  });

  it('passes the TSC for reading, segment bases and SYSENTER for both', () => {
    const map = bitmap(off);
    const msrs = [0x10, 0xc000_0100, 0xc000_0102, 0x174, 0x176, 0x1b];
    expect(msrs.map((msr) => passed(map, msr))).toEqual(['R-', 'RW', 'RW', 'RW', 'RW', '--']);
  });

  it('passes the user-interrupt MSRs only when the guest has user interrupts', () => {
    expect(passed(bitmap(off), 0x988)).toBe('--');
    expect(passed(bitmap(off, true), 0x988)).toBe('RW');
  });
});
