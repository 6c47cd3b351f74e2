import { describe, expect, it } from 'vitest';
import { VmxCapabilities } from '../hardware/vmx/capability.js';
import * as C from '../hardware/vmx/controls.js';
import { VMCS_FIELD as F } from '../hardware/vmx/vmcs-field.js';
import { PhysicalMemory } from '../hardware/memory/physical-memory.js';
import { HostMemory } from './host-memory.js';
import { KVM_BEHAVIOUR, kvmParameters, type KvmParameters } from './kvm-parameters.js';
import { MsrBitmap } from './msr-bitmap.js';
import { PidPointerTable } from './pid-pointer-table.js';
import { FakeVmcs, setUp } from './test-support/fake-vmcs.js';
import { VcpuVmcs } from './vcpu-vmcs.js';

const PAGE = 4096;
const ICR = 0x830;
const APICV = C.SECONDARY_EXEC_APIC_REGISTER_VIRT | C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
const IPI_VIRT = BigInt(C.TERTIARY_EXEC_IPI_VIRT);

interface Options {
  readonly ipiv?: boolean;
  readonly apicvActive?: boolean;
}

/** The VMCS of vCPU 0 after initialization, on a processor with or without IPI virtualization. */
function vcpu(parameters: Partial<KvmParameters> = {}, { ipiv = true, apicvActive }: Options = {}) {
  const memory = new PhysicalMemory({ cpus: 1, ramBytes: 64 * PAGE });
  const host = new HostMemory(memory, { start: PAGE, end: 64 * PAGE });
  const capabilities = new VmxCapabilities({ ipiv, apicv: true });
  const vmcs = new FakeVmcs((field) => capabilities.supportsField(field));
  const setup = setUp(parameters, { ipiv });
  const { version } = kvmParameters(parameters);
  const table = new PidPointerTable(memory, host, KVM_BEHAVIOUR[version], KVM_BEHAVIOUR[version].maxVcpuIds);
  const bitmap = new MsrBitmap(memory, host.allocatePages(), { uintr: false });
  const addresses = { registerPage: host.allocatePages(), apicAccessPage: host.allocatePages() };
  const descriptor = host.allocatePages() + 64;
  const state = new VcpuVmcs(vmcs, setup, bitmap);
  state.initialize({
    cpuId: 0,
    vpid: 1,
    eptPointer: 0x1_001e,
    ...addresses,
    descriptor,
    pidPointerTable: table,
    apicvActive: apicvActive ?? setup.parameters.enableApicv,
  });
  return { vmcs, state, table, bitmap, descriptor, ...addresses };
}

describe('controls of a new vCPU', () => {
  it('has APICv and IPI virtualization on by default, in xAPIC mode', () => {
    const { vmcs } = vcpu();
    expect(vmcs.vmread(F.PIN_BASED_VM_EXEC_CONTROL) & C.PIN_BASED_POSTED_INTR).not.toBe(0);
    const secondary = vmcs.vmread(F.SECONDARY_VM_EXEC_CONTROL);
    expect(secondary & APICV).toBe(APICV);
    expect(secondary & C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES).not.toBe(0);
    expect(secondary & C.SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE).toBe(0);
    expect(vmcs.vmread64(F.TERTIARY_VM_EXEC_CONTROL)).toBe(IPI_VIRT);
  });

  it('86: enable_ipiv=1, enable_apicv=0 leaves tertiary bit 4 clear', () => {
    for (const version of ['v1', '5.19', '6.12'] as const) {
      const { vmcs, state } = vcpu({ version, enableApicv: false });
      expect(vmcs.vmread64(F.TERTIARY_VM_EXEC_CONTROL)).toBe(0n);
      expect(state.ipivActive).toBe(false);
    }
  });

  it('does not touch the tertiary field of a processor without tertiary controls', () => {
    const { vmcs } = vcpu({}, { ipiv: false });
    expect(vmcs.written).not.toContain(F.TERTIARY_VM_EXEC_CONTROL);
    expect(vmcs.written).not.toContain(F.PID_POINTER_TABLE);
  });

  it('points the VMCS at register page, APIC-access page, descriptor and PID-pointer table', () => {
    const { vmcs, registerPage, apicAccessPage, descriptor, table } = vcpu();
    expect(vmcs.vmread(F.VIRTUAL_APIC_PAGE_ADDR)).toBe(registerPage);
    expect(vmcs.vmread(F.APIC_ACCESS_ADDR)).toBe(apicAccessPage);
    expect(vmcs.vmread(F.POSTED_INTR_DESC_ADDR)).toBe(descriptor);
    expect(vmcs.vmread(F.POSTED_INTR_NV)).toBe(0xf2);
    expect(vmcs.vmread(F.PID_POINTER_TABLE)).toBe(table.address);
    expect(vmcs.vmread(F.LAST_PID_POINTER_INDEX)).toBe(4095);
  });

  it('89: writes last index 1023 in v1', () => {
    expect(vcpu({ version: 'v1' }).vmcs.vmread(F.LAST_PID_POINTER_INDEX)).toBe(1023);
  });

  it('writes the PID-pointer fields without active APICv from 5.19 on, but not in v1', () => {
    expect(vcpu({}, { apicvActive: false }).vmcs.written).toContain(F.PID_POINTER_TABLE);
    expect(vcpu({ version: 'v1' }, { apicvActive: false }).vmcs.written).not.toContain(F.PID_POINTER_TABLE);
  });

  it('does not exit on HLT, MONITOR and MWAIT in a VM that disables those exits', () => {
    const disableExits = { hlt: true, mwait: true, pause: false };
    const primary = vcpu({ disableExits }).vmcs.vmread(F.CPU_BASED_VM_EXEC_CONTROL);
    expect(primary & (C.CPU_BASED_HLT_EXITING | C.CPU_BASED_MWAIT_EXITING | C.CPU_BASED_MONITOR_EXITING)).toBe(0);
    expect(vcpu().vmcs.vmread(F.CPU_BASED_VM_EXEC_CONTROL) & C.CPU_BASED_HLT_EXITING).not.toBe(0);
  });

  it('turns PAUSE-loop exiting off with ple_gap 0', () => {
    expect(vcpu().vmcs.vmread(F.PLE_WINDOW)).toBe(4096);
    const { vmcs } = vcpu({ pleGap: 0 });
    expect(vmcs.vmread(F.SECONDARY_VM_EXEC_CONTROL) & C.SECONDARY_EXEC_PAUSE_LOOP_EXITING).toBe(0);
  });

  it('loses bits 63:32 of the tertiary controls in v1, where none is defined', () => {
    expect(vcpu({ version: 'v1' }).vmcs.vmread64(F.TERTIARY_VM_EXEC_CONTROL)).toBe(IPI_VIRT);
  });
});

describe('mode of the local APIC', () => {
  it('swaps VAA for virtualize-x2APIC mode and passes ICR writes', () => {
    const { vmcs, state, bitmap } = vcpu();
    state.setVirtualApicMode('x2apic');
    const secondary = vmcs.vmread(F.SECONDARY_VM_EXEC_CONTROL);
    expect(secondary & C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES).toBe(0);
    expect(secondary & C.SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE).not.toBe(0);
    expect(bitmap.interceptsWrite(ICR)).toBe(false);
  });

  it('intercepts ICR writes in x2APIC mode without IPI virtualization', () => {
    const { state, bitmap } = vcpu({ enableIpiv: false });
    state.setVirtualApicMode('x2apic');
    expect(bitmap.interceptsRead(ICR)).toBe(false);
    expect(bitmap.interceptsWrite(ICR)).toBe(true);
  });

  it('clears both when the APIC is disabled', () => {
    const { vmcs, state, bitmap } = vcpu();
    state.setVirtualApicMode('x2apic');
    state.setVirtualApicMode('disabled');
    const both = C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES | C.SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
    expect(vmcs.vmread(F.SECONDARY_VM_EXEC_CONTROL) & both).toBe(0);
    expect(bitmap.interceptsRead(ICR)).toBe(true);
  });

  it('98: writes nothing when the mode stays', () => {
    const { vmcs, state } = vcpu();
    vmcs.written.length = 0;
    state.setVirtualApicMode('xapic');
    state.refreshApicv(true);
    state.setInterruptWindow(false);
    expect(vmcs.written).toEqual([]);
  });
});

describe('deactivation of APICv', () => {
  it('91: clears pin bit 7, ARV, VID and tertiary bit 4, and intercepts 830H', () => {
    const { vmcs, state, bitmap } = vcpu();
    state.setVirtualApicMode('x2apic');
    state.refreshApicv(false);
    expect(vmcs.vmread(F.PIN_BASED_VM_EXEC_CONTROL) & C.PIN_BASED_POSTED_INTR).toBe(0);
    expect(vmcs.vmread(F.SECONDARY_VM_EXEC_CONTROL) & APICV).toBe(0);
    expect(vmcs.vmread64(F.TERTIARY_VM_EXEC_CONTROL)).toBe(0n);
    expect(bitmap.interceptsWrite(ICR)).toBe(true);
    expect(bitmap.interceptsRead(ICR)).toBe(true);
  });

  it('91: activation restores all of them', () => {
    const { state, bitmap } = vcpu();
    state.setVirtualApicMode('x2apic');
    const before = [state.controls.pin.get(), state.controls.secondary.get(), state.controls.tertiary.get()];
    state.refreshApicv(false);
    state.refreshApicv(true);
    expect([state.controls.pin.get(), state.controls.secondary.get(), state.controls.tertiary.get()]).toEqual(before);
    expect(bitmap.interceptsWrite(ICR)).toBe(false);
  });

  it('never sets tertiary bit 4 with the parameter off', () => {
    const { state } = vcpu({ enableIpiv: false });
    state.refreshApicv(false);
    state.refreshApicv(true);
    expect(state.ipivActive).toBe(false);
  });

  it('never sets tertiary bit 4 in v1 if the PID-pointer fields were not written', () => {
    const { state } = vcpu({ version: 'v1' }, { apicvActive: false });
    state.refreshApicv(true);
    expect(state.ipivActive).toBe(false);
  });
});
