import { describe, expect, it } from 'vitest';
import { cpuFixture } from '../../../test/support/cpu-fixture.js';
import type { Cpu } from './cpu.js';
import { cpuid } from './cpuid.js';
import { MSR_EFER, MSR_IA32_MISC_ENABLE, MSR_IA32_PERF_CTL, MSR_IA32_PERF_STATUS, readMsr, writeMsr } from './msrs.js';

const AT_RESET = 0x85_1809;
const MONITOR = 1 << 18;
const LIMIT = 1 << 22;
const XD_DISABLED = 4;
const NX = 1 << 20;

function value(cpu: Cpu, msr = MSR_IA32_MISC_ENABLE): [hi: number, lo: number] {
  const read = readMsr(cpu, msr);
  if (read === null) throw new Error('#GP');
  return [read.hi, read.lo];
}

function withMiscEnable(hi: number, lo: number): Cpu {
  const { cpu } = cpuFixture();
  expect(writeMsr(cpu, MSR_IA32_MISC_ENABLE, hi, lo)).toBe(true);
  return cpu;
}

describe('IA32_MISC_ENABLE', () => {
  it('is what a Sapphire Rapids reports, but for performance monitoring: BTS and PEBS are unavailable', () => {
    expect(value(cpuFixture().cpu)).toEqual([0, AT_RESET]);
  });

  it('read-only bits stay whatever is written', () => {
    expect(value(withMiscEnable(0, AT_RESET ^ 0x1880))).toEqual([0, AT_RESET]);
  });

  it.each([1, 4, 8, 13, 17, 19, 24, 31])('bit %i is reserved', (bit) => {
    expect(writeMsr(cpuFixture().cpu, MSR_IA32_MISC_ENABLE, 0, (AT_RESET | (1 << bit)) >>> 0)).toBe(false);
  });

  it.each([0, 1, 3, 6, 31])('bit 32 + %i is reserved', (bit) => {
    expect(writeMsr(cpuFixture().cpu, MSR_IA32_MISC_ENABLE, (1 << bit) >>> 0, AT_RESET)).toBe(false);
  });

  it('its bit 18 is CPUID.1:ECX[3]; a processor without MONITOR does not have it', () => {
    expect(cpuid(withMiscEnable(0, AT_RESET), 1, 0).ecx & 8).toBe(8);
    expect(cpuid(withMiscEnable(0, AT_RESET & ~MONITOR), 1, 0).ecx & 8).toBe(0);
    const { cpu } = cpuFixture({ features: { mwait: false } });
    expect(value(cpu)).toEqual([0, AT_RESET & ~MONITOR]);
    expect(writeMsr(cpu, MSR_IA32_MISC_ENABLE, 0, AT_RESET)).toBe(false);
  });

  it('Limit_CPUID_Maxval leaves the basic leaves 0 to 2', () => {
    const cpu = withMiscEnable(0, AT_RESET | LIMIT);
    expect(cpuid(cpu, 0, 0).eax).toBe(2);
    expect(cpuid(cpu, 7, 0).ebx).toBe(0);
    expect(cpuid(cpu, 0x8000_0000, 0).eax).toBe(0x8000_0008);
  });

  it('XD disable hides no-execute pages: IA32_EFER.NXE cannot be set', () => {
    const cpu = withMiscEnable(XD_DISABLED, AT_RESET);
    expect(cpuid(cpu, 0x8000_0001, 0).edx & NX).toBe(0);
    expect(writeMsr(cpu, MSR_EFER, 0, 0x501)).toBe(true);
    expect(writeMsr(cpu, MSR_EFER, 0, 0xd01)).toBe(false);
    expect(cpuid(cpuFixture().cpu, 0x8000_0001, 0).edx & NX).toBe(NX);
  });
});

describe('processor states', () => {
  it('are granted as IA32_PERF_CTL asks for them', () => {
    const { cpu } = cpuFixture();
    expect(writeMsr(cpu, MSR_IA32_PERF_CTL, 0, 0x1800)).toBe(true);
    expect(value(cpu, MSR_IA32_PERF_STATUS)).toEqual([0, 0x1800]);
    expect(writeMsr(cpu, MSR_IA32_PERF_STATUS, 0, 0)).toBe(false);
    expect(writeMsr(cpu, MSR_IA32_PERF_CTL, 0, 0x1_0000)).toBe(false);
  });
});
