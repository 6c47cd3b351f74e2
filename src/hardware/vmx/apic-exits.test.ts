import { describe, expect, it } from 'vitest';
import {
  DESCRIPTOR,
  GUEST_RIP,
  MSR_BITMAP_PAGE,
  PID_POINTER_TABLE,
  VIRTUAL_APIC_PAGE,
  VmxProcessor,
} from '../../../test/support/vmx-processor.js';
import { ACCESS_WRITE } from '../cpu/layout.js';
import { DONE, FAULT, PASS, REDIRECTED } from '../cpu/outcome.js';
import * as C from './controls.js';
import { testAndSetPir } from './posted-interrupt-descriptor.js';
import { VMCS_FIELD as F } from './vmcs-field.js';

/** Length of WRMSR, 0F 30. */
const LENGTH = 2;

/** IPI virtualization for a guest in x2APIC mode; every bit of the MSR bitmaps is clear. */
function x2apicProcessor(): VmxProcessor {
  const vmx = new VmxProcessor({ controls: 'ipiv' });
  vmx.clearBits(F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES);
  vmx.setBits(F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE);
  vmx.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_USE_MSR_BITMAPS);
  vmx.set(F.MSR_BITMAP, MSR_BITMAP_PAGE);
  vmx.memory.write32(PID_POINTER_TABLE, DESCRIPTOR | 1);
  return vmx;
}

function exitOf(vmx: VmxProcessor) {
  return { reason: vmx.get(F.VM_EXIT_REASON), qualification: vmx.get(F.EXIT_QUALIFICATION), rip: vmx.get(F.GUEST_RIP) };
}

describe('exits of APIC virtualization in the VMCS', () => {
  it('72: WRMSR 830H is virtualized when its bit in the MSR bitmap is clear', () => {
    const vmx = x2apicProcessor();
    expect(vmx.guest().wrmsr(0x830, 0, 0x4020, LENGTH)).toBe(DONE);
    expect(vmx.memory.read32(DESCRIPTOR + 4)).toBe(1);
    expect(vmx.memory.read32(VIRTUAL_APIC_PAGE + 0x300)).toBe(0x4020);
  });

  it('73: the MSR bitmap comes first, with IPI virtualization too', () => {
    const vmx = x2apicProcessor();
    vmx.memory.write8(MSR_BITMAP_PAGE + 0x800 + 0x106, 1);
    expect(vmx.guest().wrmsr(0x830, 0, 0x4020, LENGTH)).toBe(REDIRECTED);
    expect(exitOf(vmx)).toEqual({ reason: 32, qualification: 0, rip: GUEST_RIP });
    expect(vmx.memory.read32(VIRTUAL_APIC_PAGE + 0x300)).toBe(0);
    expect(vmx.memory.read32(DESCRIPTOR + 4)).toBe(0);
  });

  it('74: reserved ICR bits are #GP, not an exit', () => {
    const vmx = x2apicProcessor();
    expect(vmx.guest().wrmsr(0x830, 0, 0x10_4020, LENGTH)).toBe(FAULT);
    expect(vmx.cpu.nonRoot).not.toBeNull();
  });

  it('77: an IPI that cannot be virtualized exits 56 with RIP behind the WRMSR', () => {
    const vmx = x2apicProcessor();
    expect(vmx.guest().wrmsr(0x830, 0, 0x5020, LENGTH)).toBe(REDIRECTED);
    expect(exitOf(vmx)).toEqual({ reason: 56, qualification: 0x300, rip: GUEST_RIP + LENGTH });
    expect(vmx.memory.read32(VIRTUAL_APIC_PAGE + 0x300)).toBe(0x5020);
  });

  it('84: without IPI virtualization a clear bit lets WRMSR 830H through to the physical APIC', () => {
    const vmx = x2apicProcessor();
    vmx.set(F.TERTIARY_VM_EXEC_CONTROL, 0);
    expect(vmx.guest().wrmsr(0x830, 0, 0x4020, LENGTH)).toBe(PASS);
  });

  it('85: an intercepted RDMSR of 839H exits although register virtualization is on', () => {
    const vmx = x2apicProcessor();
    vmx.memory.write8(MSR_BITMAP_PAGE + 0x107, 1 << 1);
    expect(vmx.guest().rdmsr(0x839, LENGTH)).toBe(REDIRECTED);
    expect(exitOf(vmx)).toEqual({ reason: 31, qualification: 0, rip: GUEST_RIP });
  });

  it('27: an APIC-access exit is fault-like', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    vmx.guest().apicAccess(0x030, 4, ACCESS_WRITE);
    expect(exitOf(vmx)).toEqual({ reason: 44, qualification: 0x1030, rip: GUEST_RIP });
  });

  it('37: a notification causes no exit and its virtual interrupt is in the guest interrupt status', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    vmx.set(F.GUEST_RFLAGS, 2);
    testAndSetPir(vmx.memory, DESCRIPTOR, 0x31);
    vmx.guest();
    vmx.cpu.apic.accept(0xf2, false);
    expect(vmx.guest().boundary()).toBe(REDIRECTED);
    expect(vmx.cpu.nonRoot).not.toBeNull();
    vmx.cpu.finish();
    vmx.cpu.apic.accept(0xec, false);
    vmx.guest().boundary();
    expect(vmx.get(F.GUEST_INTR_STATUS)).toBe(0x0031);
    expect(vmx.get(F.VM_EXIT_INTR_INFO)).toBe(0x8000_00ec);
  });

  it('38: an external-interrupt exit carries the acknowledged vector', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    vmx.guest();
    vmx.cpu.apic.accept(0x55, false);
    vmx.guest().boundary();
    expect(exitOf(vmx)).toEqual({ reason: 1, qualification: 0, rip: GUEST_RIP });
    expect(vmx.get(F.VM_EXIT_INTR_INFO)).toBe(0x8000_0055);
    expect(vmx.cpu.apic.readRegister(0x120)).toBe(1 << 0x15);
  });

  it('44, 45: RVI and SVI are loaded at entry and saved at exit', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    vmx.set(F.GUEST_INTR_STATUS, 0x0031);
    vmx.memory.write32(VIRTUAL_APIC_PAGE + 0x210, 1 << 0x11);
    vmx.set(F.EOI_EXIT_BITMAP0, 0);
    vmx.vmx.vmwrite64(F.EOI_EXIT_BITMAP0, 1n << 0x31n);
    expect(vmx.guest().boundary()).toBe(REDIRECTED);
    expect(vmx.cpu.injected?.vector).toBe(0x31);
    vmx.cpu.finish();
    vmx.cpu.injected = null;
    expect(vmx.guest().apicWriteEmulation(0x0b0)).toBe(REDIRECTED);
    expect(exitOf(vmx)).toMatchObject({ reason: 45, qualification: 0x31 });
    expect(vmx.get(F.GUEST_INTR_STATUS)).toBe(0);
  });
});
