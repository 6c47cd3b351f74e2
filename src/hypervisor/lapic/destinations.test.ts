import { describe, expect, it } from 'vitest';
import { PhysicalMemory } from '../../hardware/memory/physical-memory.js';
import { isAccepted, resolveDestinations } from './destinations.js';
import { IpiRequest } from './ipi-request.js';
import { APIC_DFR, APIC_LDR, APIC_SPIV } from './registers.js';
import { VcpuApic } from './vcpu-apic.js';

const XAPIC = 0xfee0_0800;
const X2APIC = 0xfee0_0c00;
const LOGICAL = 1 << 11;
const LOWEST = 1 << 8;
const COUNT = 20;

interface Numbered {
  readonly id: number;
  readonly apic: VcpuApic;
}

function vcpus(mode: number): Numbered[] {
  const memory = new PhysicalMemory({ cpus: 1, ramBytes: COUNT * 4096, trackedPages: 1, records: 1, codePages: 1 });
  return Array.from({ length: COUNT }, (_, id) => {
    const apic = new VcpuApic(memory, id * 4096, id);
    apic.setBase(mode, 0, true);
    if (mode === XAPIC) apic.page.write(APIC_LDR, 1 << (24 + (id % 8)));
    return { id, apic };
  });
}

/** IDs of the vCPUs that an ICR written by vCPU 2 addresses. */
function targets(mode: number, low: number, high: number, all = vcpus(mode)): number[] {
  const request = new IpiRequest();
  request.fromIcr(low, high, mode === X2APIC);
  const found = resolveDestinations(all, all[2], request);
  return found.map(({ id }) => id);
}

const everybody = Array.from({ length: COUNT }, (_, id) => id);

describe('resolveDestinations', () => {
  // prettier-ignore
  it.each([
    ['xAPIC physical',             XAPIC,  0x31,                 5 << 24,      [5]],
    ['xAPIC physical, nobody',     XAPIC,  0x31,                 99 << 24,     []],
    ['xAPIC broadcast',            XAPIC,  0x31,                 0xff00_0000,  everybody],
    ['x2APIC physical',            X2APIC, 0x31,                 5,            [5]],
    ['x2APIC FFH is an ID',        X2APIC, 0x31,                 0xff,         []],
    ['x2APIC broadcast',           X2APIC, 0x31,                 0xffff_ffff,  everybody],
    ['self',                       XAPIC,  0x4_0031,             0,            [2]],
    ['all including self',         XAPIC,  0x8_0031,             0,            everybody],
    ['all but self',               XAPIC,  0xc_0031,             0,            everybody.filter((id) => id !== 2)],
    ['xAPIC flat logical',         XAPIC,  0x31 | LOGICAL,       0x0300_0000,  [0, 1, 8, 9, 16, 17]],
    ['x2APIC logical',             X2APIC, 0x31 | LOGICAL,       0x1_0009,     [16, 19]],
    ['lowest priority: one',       XAPIC,  0x32 | LOGICAL | LOWEST, 0x0300_0000, [[0, 1, 8, 9, 16, 17][0x32 % 6]]],
  ])('%s', (_, mode, low, high, expected) => {
    expect(targets(mode, low, high)).toEqual(expected);
  });

  it('xAPIC cluster model: cluster and member', () => {
    const all = vcpus(XAPIC);
    for (const { id, apic } of all) {
      apic.page.write(APIC_DFR, 0x0fff_ffff);
      apic.page.write(APIC_LDR, ((id >>> 2) << 28) | (1 << (24 + (id & 3))));
    }
    expect(targets(XAPIC, 0x31 | LOGICAL, 0x2500_0000, all)).toEqual([8, 10]);
  });

  it('a globally disabled APIC receives nothing', () => {
    const all = vcpus(XAPIC);
    all[5].apic.setBase(0xfee0_0000, 0, true);
    expect(targets(XAPIC, 0x31, 5 << 24, all)).toEqual([]);
  });
});

describe('isAccepted', () => {
  const fromDevice = (all: Numbered[], destination: number, deliveryMode = 0): boolean =>
    isAccepted(all, { shorthand: 0, logical: true, destination, deliveryMode });

  it('nobody takes a logical destination while no logical ID was given', () => {
    const all = vcpus(XAPIC);
    for (const { apic } of all) {
      apic.page.write(APIC_SPIV, 0x1ff);
      apic.page.write(APIC_LDR, 0);
    }
    expect(fromDevice(all, 0x0d)).toBe(false);
    all[3].apic.page.write(APIC_LDR, 0x0800_0000);
    expect(fromDevice(all, 0x0d)).toBe(true);
  });

  it('an APIC that software has disabled takes NMIs only', () => {
    const all = vcpus(XAPIC);
    expect([fromDevice(all, 1), fromDevice(all, 1, 4)]).toEqual([false, true]);
  });
});
