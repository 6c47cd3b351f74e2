import { describe, expect, it } from 'vitest';
import { cpuFixture } from '../../../test/support/cpu-fixture.js';
import { cpuid } from './cpuid.js';
import * as M from './msrs.js';

const read = (cpu: Parameters<typeof M.readMsr>[0], msr: number): bigint | null => {
  const value = M.readMsr(cpu, msr);
  return value === null ? null : (BigInt(value.hi) << 32n) | BigInt(value.lo);
};
const write = (cpu: Parameters<typeof M.writeMsr>[0], msr: number, value: bigint): boolean =>
  M.writeMsr(cpu, msr, Number(value >> 32n), Number(value & 0xffff_ffffn));

describe('MSRs', () => {
  it.each<[string, number, bigint]>([
    ['IA32_SYSENTER_CS', M.MSR_IA32_SYSENTER_CS, 8n],
    ['IA32_SYSENTER_EIP', M.MSR_IA32_SYSENTER_EIP, 0xffff_8000_0000_1000n],
    ['IA32_PAT', M.MSR_IA32_PAT, 0x0007_0106_0007_0106n],
    ['STAR', M.MSR_STAR, 0x0023_0010_0000_0000n],
    ['LSTAR', M.MSR_LSTAR, 0xffff_ffff_8100_0000n],
    ['FMASK', M.MSR_FMASK, 0x4_7700n],
    ['FS_BASE', M.MSR_FS_BASE, 0x7fff_0000_1234n],
    ['GS_BASE', M.MSR_GS_BASE, 0xffff_8880_0000_0000n],
    ['KERNEL_GS_BASE', M.MSR_KERNEL_GS_BASE, 0xffff_8880_0000_0000n],
    ['IA32_TSC_AUX', M.MSR_TSC_AUX, 0x1001n],
    ['IA32_SPEC_CTRL', M.MSR_IA32_SPEC_CTRL, 1n],
    ['IA32_MTRR_PHYSBASE0', M.MSR_IA32_MTRR_PHYSBASE0, 0xc000_0000n],
    ['IA32_UINTR_HANDLER', 0x986, 0x40_1000n],
    ['IA32_UINTR_MISC', 0x988, 0xec_0000_00ffn],
  ])('%s keeps what is written', (_, msr, value) => {
    const { cpu } = cpuFixture();
    expect(write(cpu, msr, value)).toBe(true);
    expect(read(cpu, msr)).toBe(value);
  });

  it.each<[string, number, bigint]>([
    ['LSTAR: not canonical', M.MSR_LSTAR, 0x8000_0000_0000n],
    ['GS_BASE: not canonical', M.MSR_GS_BASE, 0xff00_0000_0000_0000n],
    ['FMASK: bits 63:32', M.MSR_FMASK, 1n << 32n],
    ['EFER: a reserved bit', M.MSR_EFER, 0xd02n],
    ['EFER: LME cannot be cleared while paging', M.MSR_EFER, 0n],
    ['IA32_PAT: a reserved type', M.MSR_IA32_PAT, 2n],
    ['IA32_SPEC_CTRL: a reserved bit', M.MSR_IA32_SPEC_CTRL, 8n],
    ['IA32_UINTR_PD: not 64-byte aligned', 0x989, 0x1020n],
    ['IA32_UINTR_TT: bits 3:1', 0x98a, 3n],
    ['IA32_UINTR_MISC: bits 63:40', 0x988, 1n << 40n],
    ['IA32_APIC_BASE: xAPIC to disabled with EXTD', M.MSR_IA32_APIC_BASE, 0xfee0_0400n],
    ['x2APIC registers in xAPIC mode', 0x808, 0n],
    ['VMX capabilities are read-only', M.MSR_IA32_VMX_BASIC, 0n],
    ['an unknown MSR', 0x5555, 0n],
  ])('#GP(0): %s', (_, msr, value) => {
    expect(write(cpuFixture().cpu, msr, value)).toBe(false);
  });

  it('IA32_APIC_BASE.EXTD is reserved on a processor without x2APIC', () => {
    const { cpu } = cpuFixture();
    Object.assign(cpu, { features: { ...cpu.features, x2apic: false } });
    expect(write(cpu, M.MSR_IA32_APIC_BASE, 0xfee0_0d00n)).toBe(false);
  });

  it('EFER.LMA cannot be written', () => {
    const { cpu } = cpuFixture();
    expect(write(cpu, M.MSR_EFER, 0x901n)).toBe(true);
    expect(cpu.eferLow).toBe(0xd01);
  });

  it('IA32_TSC and IA32_TSC_ADJUST move together', () => {
    const { cpu } = cpuFixture();
    cpu.now = 64 * 1000;
    write(cpu, M.MSR_IA32_TSC, 5000n);
    expect([read(cpu, M.MSR_IA32_TSC), read(cpu, M.MSR_IA32_TSC_ADJUST)]).toEqual([5000n, 4000n]);
    write(cpu, M.MSR_IA32_TSC_ADJUST, 0n);
    expect(read(cpu, M.MSR_IA32_TSC)).toBe(1000n);
  });

  it('1: VMX capability MSRs that do not exist are #GP', () => {
    expect(read(cpuFixture().cpu, 0x492)).toBeNull();
  });

  it('user-interrupt MSRs exist only with the feature', () => {
    expect(read(cpuFixture({ features: { uintr: false } }).cpu, 0x985)).toBeNull();
  });

  it('x2APIC mode makes 800H-8FFH the local APIC', () => {
    const { cpu } = cpuFixture({ cpus: 2 });
    expect(write(cpu, M.MSR_IA32_APIC_BASE, 0xfee0_0d00n)).toBe(true);
    expect([read(cpu, 0x802), write(cpu, 0x808, 0x20n), read(cpu, 0x808)]).toEqual([0n, true, 0x20n]);
  });
});

describe('CPUID', () => {
  it('leaf 0 is GenuineIntel', () => {
    const { ebx, edx, ecx } = cpuid(cpuFixture().cpu, 0, 0);
    const text = [ebx, edx, ecx].flatMap((word) => [word & 255, (word >> 8) & 255, (word >> 16) & 255, word >>> 24]);
    expect(String.fromCharCode(...text)).toBe('GenuineIntel');
  });

  it.each([
    ['x2apic', 21],
    ['tscDeadline', 24],
    ['mwait', 3],
    ['vmx', 5],
  ] as const)('leaf 1: %s is ECX[%i]', (feature, bit) => {
    const on = cpuFixture({ features: { [feature]: true } }).cpu;
    const off = cpuFixture({ features: { [feature]: false } }).cpu;
    expect([(cpuid(on, 1, 0).ecx >>> bit) & 1, (cpuid(off, 1, 0).ecx >>> bit) & 1]).toEqual([1, 0]);
  });

  it('leaf 7: user interrupts are EDX[5]', () => {
    const on = cpuFixture({ features: { uintr: true } }).cpu;
    const off = cpuFixture({ features: { uintr: false } }).cpu;
    expect([cpuid(on, 7, 0).edx & 32, cpuid(off, 7, 0).edx & 32]).toEqual([32, 0]);
  });

  it('leaf 0BH numbers threads and cores, with the x2APIC ID in EDX', () => {
    const machine = cpuFixture({ cpus: 2, features: { threadsPerCore: 2, threadsPerPackage: 6 } });
    const cpu = machine.cpus[1];
    expect(cpuid(cpu, 0xb, 0)).toEqual({ eax: 1, ebx: 2, ecx: 0x100, edx: 1 });
    expect(cpuid(cpu, 0xb, 1)).toEqual({ eax: 3, ebx: 6, ecx: 0x201, edx: 1 });
    expect(cpuid(cpu, 0xb, 2)).toEqual({ eax: 0, ebx: 0, ecx: 2, edx: 1 });
    expect(cpuid(cpu, 1, 0).ebx >>> 24).toBe(1);
  });

  it('the brand string fills leaves 80000002H-80000004H', () => {
    const { cpu } = cpuFixture({ features: { brand: 'x'.repeat(60) } });
    const last = cpuid(cpu, 0x8000_0004, 0);
    expect([last.eax, last.edx]).toEqual([0x7878_7878, 0x0078_7878]);
  });

  it('leaf 80000008H: 46 physical and 48 linear address bits', () => {
    expect(cpuid(cpuFixture().cpu, 0x8000_0008, 0).eax).toBe(0x302e);
  });
});
