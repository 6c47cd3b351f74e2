import { describe, expect, it } from 'vitest';
import { nullSegment } from '../hardware/cpu/segments.js';
import * as C from '../hardware/vmx/controls.js';
import { VMCS_FIELD as F } from '../hardware/vmx/vmcs-field.js';
import { PhysicalMemory } from '../hardware/memory/physical-memory.js';
import { PAT_RESET, writeCr0, writeCr4, writeGuestState, type InitialGuestState } from './guest-state.js';
import { LINUX_HOST_STATE } from './host-state.js';
import { MsrBitmap } from './msr-bitmap.js';
import { FakeVmcs, setUp } from './test-support/fake-vmcs.js';
import { VcpuVmcs } from './vcpu-vmcs.js';

const EFER_LME_LMA = 0x500;

function state(set: Partial<InitialGuestState> = {}): InitialGuestState {
  return {
    rip: 0x10_0000,
    rsp: -0x1000,
    rflags: 0x200,
    cr0: 0x8000_0011,
    cr3: 0x1000,
    cr4: 0x20,
    efer: EFER_LME_LMA,
    pat: PAT_RESET,
    segments: Array.from({ length: 8 }, (_, index) => ({ ...nullSegment(), selector: 8 * index })),
    gdtr: { base: 0x2000, limit: 0x3f },
    idtr: { base: 0x4000, limit: 0xfff },
    ...set,
  };
}

function vcpu(): { vmcs: FakeVmcs; vcpu: VcpuVmcs } {
  const vmcs = new FakeVmcs();
  const bitmap = new MsrBitmap(new PhysicalMemory({ cpus: 1, ramBytes: 4096 }), 0, { uintr: false });
  return { vmcs, vcpu: new VcpuVmcs(vmcs, setUp(), bitmap) };
}

describe('guest state of a new vCPU', () => {
  it('puts each segment into its own fields, in the order ES CS SS DS FS GS LDTR TR', () => {
    const vmcs = new FakeVmcs();
    writeGuestState(vmcs, state(), { uintr: false, ownsCr0Wp: false });
    expect(vmcs.vmread(F.GUEST_ES_SELECTOR)).toBe(0);
    expect(vmcs.vmread(F.GUEST_CS_SELECTOR)).toBe(8);
    expect(vmcs.vmread(F.GUEST_LDTR_SELECTOR)).toBe(48);
    expect(vmcs.vmread(F.GUEST_TR_SELECTOR)).toBe(56);
    expect(vmcs.vmread(F.GUEST_TR_AR_BYTES)).toBe(1 << 16);
  });

  it('sign-extends addresses and sets the fixed bit of RFLAGS', () => {
    const vmcs = new FakeVmcs();
    writeGuestState(vmcs, state(), { uintr: false, ownsCr0Wp: false });
    expect(vmcs.vmread64(F.GUEST_RSP)).toBe(0xffff_ffff_ffff_f000n);
    expect(vmcs.vmread(F.GUEST_RFLAGS)).toBe(0x202);
  });

  it('lets the guest own CR0.TS, and from 6.4 CR0.WP', () => {
    const vmcs = new FakeVmcs();
    writeCr0(vmcs, 0x8000_0011, true);
    expect(vmcs.vmread64(F.CR0_GUEST_HOST_MASK)).toBe(0xffff_ffff_fffe_fff7n);
    writeCr0(vmcs, 0x8000_0011, false);
    expect(vmcs.vmread64(F.CR0_GUEST_HOST_MASK)).toBe(0xffff_ffff_ffff_fff7n);
    expect(vmcs.vmread(F.CR0_READ_SHADOW)).toBe(0x8000_0011);
    expect(vmcs.vmread(F.GUEST_CR0)).toBe(0x8000_0031);
  });

  it('hides CR4.VMXE, and gives CR4.UINTR to a guest with user interrupts', () => {
    const vmcs = new FakeVmcs();
    writeCr4(vmcs, 0x20, false);
    expect(vmcs.vmread(F.GUEST_CR4)).toBe(0x2020);
    expect(vmcs.vmread(F.CR4_READ_SHADOW)).toBe(0x20);
    expect(vmcs.vmread64(F.CR4_GUEST_HOST_MASK) & (1n << 25n)).toBe(1n << 25n);
    writeCr4(vmcs, 0x20, true);
    expect(vmcs.vmread64(F.CR4_GUEST_HOST_MASK) & (1n << 25n)).toBe(0n);
  });
});

describe('vmx_set_efer', () => {
  it('enters IA-32e mode with LMA, and switches EFER when it differs from the host value', () => {
    const { vmcs, vcpu: guest } = vcpu();
    guest.setEfer(EFER_LME_LMA);
    expect(guest.controls.entry.has(C.VM_ENTRY_IA32E_MODE | C.VM_ENTRY_LOAD_IA32_EFER)).toBe(true);
    expect(guest.controls.exit.has(C.VM_EXIT_LOAD_IA32_EFER)).toBe(true);
    expect(vmcs.vmread(F.GUEST_IA32_EFER)).toBe(EFER_LME_LMA);
    expect(vmcs.vmread(F.HOST_IA32_EFER)).toBe(LINUX_HOST_STATE.efer);
  });

  it('does not switch EFER when guest and host agree', () => {
    const { vcpu: guest } = vcpu();
    guest.setEfer(EFER_LME_LMA);
    guest.setEfer(LINUX_HOST_STATE.efer);
    expect(guest.controls.entry.has(C.VM_ENTRY_LOAD_IA32_EFER)).toBe(false);
    expect(guest.controls.exit.has(C.VM_EXIT_LOAD_IA32_EFER)).toBe(false);
  });

  it('leaves IA-32e mode without LMA', () => {
    const { vcpu: guest } = vcpu();
    guest.setEfer(EFER_LME_LMA);
    guest.setEfer(0);
    expect(guest.controls.entry.has(C.VM_ENTRY_IA32E_MODE)).toBe(false);
  });
});
