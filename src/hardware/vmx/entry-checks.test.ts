import { describe, expect, it } from 'vitest';
import {
  PID_POINTER_TABLE,
  VIRTUAL_APIC_PAGE,
  VmxProcessor,
  type ControlSet,
} from '../../../test/support/vmx-processor.js';
import { MAXPHYADDR } from '../cpu/layout.js';
import * as C from './controls.js';
import { VMCS_FIELD as F } from './vmcs-field.js';

const BEYOND = 2 ** MAXPHYADDR;

/** VM-instruction error of an entry from a valid VMCS after `change`. */
function errorAfter(change: (vmx: VmxProcessor) => void, controls: ControlSet = 'base'): number {
  const vmx = new VmxProcessor({ controls });
  change(vmx);
  return vmx.entryError();
}

describe('VM-entry checks', () => {
  it.each(['plain', 'base', 'ipiv'] as const)('let the valid VMCS with %s controls pass', (controls) => {
    expect(errorAfter(() => undefined, controls)).toBe(0);
  });

  // prettier-ignore
  it.each<[name: string, field: number, clear: number, set: number]>([
    ['pin-based bit that must be 1',  F.PIN_BASED_VM_EXEC_CONTROL, 1 << 1, 0],
    ['pin-based bit that must be 0',  F.PIN_BASED_VM_EXEC_CONTROL, 0, 1 << 10],
    ['primary bit that must be 1',    F.CPU_BASED_VM_EXEC_CONTROL, 1 << 1, 0],
    ['primary bit that must be 0',    F.CPU_BASED_VM_EXEC_CONTROL, 0, 1 << 18],
    ['secondary bit that must be 0',  F.SECONDARY_VM_EXEC_CONTROL, 0, C.SECONDARY_EXEC_ENABLE_PML],
    ['VM-exit bit that must be 1',    F.VM_EXIT_CONTROLS, 1, 0],
    ['VM-exit bit that must be 0',    F.VM_EXIT_CONTROLS, 0, C.VM_EXIT_LOAD_CET_STATE],
    ['VM-entry bit that must be 1',   F.VM_ENTRY_CONTROLS, 1, 0],
    ['VM-entry bit that must be 0',   F.VM_ENTRY_CONTROLS, 0, C.VM_ENTRY_SMM],
  ])('C1: a %s is checked against the capability MSRs', (_name, field, clear, set) => {
    expect(errorAfter((vmx) => { vmx.clearBits(field, clear); vmx.setBits(field, set); })).toBe(7);
  });

  it('2, C2: tertiary bit 4 without support in MSR 492H fails', () => {
    const vmx = new VmxProcessor({ controls: 'base', withhold: { tertiary: 0x10n } });
    vmx.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_ACTIVATE_TERTIARY_CONTROLS);
    vmx.set(F.TERTIARY_VM_EXEC_CONTROL, 0x10);
    expect(vmx.entryError()).toBe(7);
  });

  it('3: tertiary controls that are not activated are treated as 0', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    vmx.set(F.TERTIARY_VM_EXEC_CONTROL, -1);
    expect(vmx.entryError()).toBe(0);
    expect(vmx.guest().state.ipiVirtualization).toBe(false);
  });

  it('4: tertiary bit 40 fails although bits 31:0 are supported', () => {
    expect(
      errorAfter((vmx) => {
        vmx.set(F.TERTIARY_VM_EXEC_CONTROL, 2 ** 40 + 0x10);
      }, 'ipiv'),
    ).toBe(7);
  });

  it('C1: secondary controls that are not activated are treated as 0', () => {
    expect(
      errorAfter((vmx) => {
        vmx.set(F.SECONDARY_VM_EXEC_CONTROL, -1);
      }, 'plain'),
    ).toBe(0);
  });

  // prettier-ignore
  it.each<[name: string, change: (vmx: VmxProcessor) => void, controls?: ControlSet]>([
    ['C3: more CR3-target values than supported', (vmx) => { vmx.set(F.CR3_TARGET_COUNT, 5); }],
    ['C4: an unaligned I/O-bitmap A address', (vmx) => { vmx.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_USE_IO_BITMAPS); vmx.set(F.IO_BITMAP_A, 0x5800); }],
    ['C4: an I/O-bitmap B address beyond MAXPHYADDR', (vmx) => { vmx.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_USE_IO_BITMAPS); vmx.set(F.IO_BITMAP_B, BEYOND); }],
    ['C4: an unaligned MSR-bitmap address', (vmx) => { vmx.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_USE_MSR_BITMAPS); vmx.set(F.MSR_BITMAP, 0x4001); }],
    ['C5: virtual NMIs without NMI exiting', (vmx) => { vmx.setBits(F.PIN_BASED_VM_EXEC_CONTROL, C.PIN_BASED_VIRTUAL_NMIS); }],
    ['C5: NMI-window exiting without virtual NMIs', (vmx) => { vmx.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_NMI_WINDOW_EXITING); }],
    ['13, C6: an unaligned virtual-APIC address', (vmx) => { vmx.set(F.VIRTUAL_APIC_PAGE_ADDR, VIRTUAL_APIC_PAGE + 0x800); }],
    ['C6: a virtual-APIC address beyond MAXPHYADDR', (vmx) => { vmx.set(F.VIRTUAL_APIC_PAGE_ADDR, BEYOND); }],
    ['15, C7: TPR threshold 10H without virtual-interrupt delivery', (vmx) => { withoutDelivery(vmx); vmx.set(F.TPR_THRESHOLD, 0x10); }],
    ['16, C8: TPR threshold 5 above VTPR class 4 without virtualized APIC accesses', (vmx) => { withoutDelivery(vmx); vmx.clearBits(F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES); thresholdAboveTpr(vmx); }],
    ['5, C9: virtual-interrupt delivery without TPR shadow', (vmx) => { withoutTprShadow(vmx, C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY); }],
    ['6, C9: virtualized x2APIC mode without TPR shadow', (vmx) => { withoutTprShadow(vmx, C.SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE); }],
    ['C9: APIC-register virtualization without TPR shadow', (vmx) => { withoutTprShadow(vmx, C.SECONDARY_EXEC_APIC_REGISTER_VIRT); }],
    ['C10: IPI virtualization without TPR shadow', (vmx) => { withoutTprShadow(vmx, 0); }, 'ipiv'],
    ['7, C11: x2APIC mode and APIC accesses both virtualized', (vmx) => { vmx.setBits(F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE); }],
    ['14, C12: an unaligned APIC-access address', (vmx) => { vmx.set(F.APIC_ACCESS_ADDR, 0x8010); }],
    ['8, C13: virtual-interrupt delivery without external-interrupt exiting', (vmx) => { vmx.clearBits(F.PIN_BASED_VM_EXEC_CONTROL, C.PIN_BASED_EXT_INTR_MASK | C.PIN_BASED_POSTED_INTR); }],
    ['9, C14: posted interrupts without virtual-interrupt delivery', (vmx) => { vmx.clearBits(F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY); }],
    ['10, C15: posted interrupts without acknowledge interrupt on exit', (vmx) => { vmx.clearBits(F.VM_EXIT_CONTROLS, C.VM_EXIT_ACK_INTR_ON_EXIT); }],
    ['11, C16: notification vector 1F2H', (vmx) => { vmx.set(F.POSTED_INTR_NV, 0x1f2); }],
    ['12, C17: a descriptor address that is not 64-byte aligned', (vmx) => { vmx.set(F.POSTED_INTR_DESC_ADDR, 0x9020); }],
    ['17, C18: a PID-pointer table address ending in 4', (vmx) => { vmx.set(F.PID_POINTER_TABLE, PID_POINTER_TABLE + 4); }, 'ipiv'],
    ['C19: a PID-pointer table whose last entry lies beyond MAXPHYADDR', (vmx) => { vmx.set(F.PID_POINTER_TABLE, BEYOND - 8); }, 'ipiv'],
    ['C20: an EPT pointer with memory type 1', (vmx) => { vmx.set(F.EPT_POINTER, 0xb019); }],
    ['C20: an EPT pointer with a 3-level walk', (vmx) => { vmx.set(F.EPT_POINTER, 0xb016); }],
    ['C20: EPT accessed and dirty flags without support', (vmx) => { vmx.set(F.EPT_POINTER, 0xb05e); }],
    ['C20: unrestricted guest without EPT', (vmx) => { vmx.clearBits(F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_ENABLE_EPT); vmx.setBits(F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_UNRESTRICTED_GUEST); }],
    ['C20: VPID 0 with VPID enabled', (vmx) => { vmx.setBits(F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_ENABLE_VPID); }],
    ['saving a preemption timer that is not activated', (vmx) => { vmx.setBits(F.VM_EXIT_CONTROLS, C.VM_EXIT_SAVE_VMX_PREEMPTION_TIMER); }],
    ['an unaligned VM-exit MSR-store area', (vmx) => { vmx.set(F.VM_EXIT_MSR_STORE_COUNT, 1); vmx.set(F.VM_EXIT_MSR_STORE_ADDR, 8); }],
  ])('%s fails with error 7', (_name, change, controls) => {
    expect(errorAfter(change, controls)).toBe(7);
  });

  it('16: with APIC accesses virtualized the same threshold is accepted and exits below it', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    withoutDelivery(vmx);
    thresholdAboveTpr(vmx);
    expect(vmx.entryError()).toBe(0);
    vmx.guest().boundary();
    expect(vmx.get(F.VM_EXIT_REASON)).toBe(43);
  });

  // prettier-ignore
  it.each<[name: string, information: number, length?: number]>([
    ['reserved bit 12',                      0x8000_1020],
    ['type 1',                               0x8000_0120],
    ['type 7 without monitor trap flag',     0x8000_0700],
    ['an NMI with vector 3',                 0x8000_0203],
    ['an exception with vector 32',          0x8000_0320],
    ['#GP without an error code',            0x8000_030d],
    ['#UD with an error code',               0x8000_0b06],
    ['an external interrupt with error code',0x8000_0820],
    ['INT n with instruction length 0',      0x8000_0420, 0],
    ['INT3 with instruction length 16',      0x8000_0603, 16],
  ])('C21: injecting %s fails with error 7', (_name, information, length = 1) => {
    expect(errorAfter((vmx) => {
      vmx.set(F.VM_ENTRY_INTR_INFO_FIELD, information);
      vmx.set(F.VM_ENTRY_INSTRUCTION_LEN, length);
    })).toBe(7);
  });

  it('C21: an error code with bits 31:16 set fails with error 7', () => {
    expect(
      errorAfter((vmx) => {
        vmx.set(F.VM_ENTRY_INTR_INFO_FIELD, 0x8000_0b0d);
        vmx.set(F.VM_ENTRY_EXCEPTION_ERROR_CODE, 0x1_0000);
      }),
    ).toBe(7);
  });

  it('C21: injection fields are not checked without the valid bit', () => {
    expect(
      errorAfter((vmx) => {
        vmx.set(F.VM_ENTRY_INTR_INFO_FIELD, 0x7fff_ffff);
      }),
    ).toBe(0);
  });

  // prettier-ignore
  it.each<[name: string, field: number, value: number]>([
    ['CR0 without NE',                          F.HOST_CR0, 0x8005_0013],
    ['CR4 without VMXE',                        F.HOST_CR4, 0x20],
    ['CR4 with an unsupported bit',             F.HOST_CR4, 0x0100_2020],
    ['CR3 beyond MAXPHYADDR',                   F.HOST_CR3, BEYOND],
    ['a selector with RPL 3',                   F.HOST_DS_SELECTOR, 0x1b],
    ['a selector with TI',                      F.HOST_FS_SELECTOR, 0x14],
    ['a null CS',                               F.HOST_CS_SELECTOR, 0],
    ['a null TR',                               F.HOST_TR_SELECTOR, 0],
    ['a non-canonical GS base',                 F.HOST_GS_BASE, 2 ** 47],
    ['a non-canonical SYSENTER_EIP',            F.HOST_IA32_SYSENTER_EIP, 2 ** 50],
    ['a non-canonical RIP',                     F.HOST_RIP, 2 ** 47],
    ['EFER.LMA = 0 in a 64-bit host',           F.HOST_IA32_EFER, 0x801],
    ['a reserved bit in EFER',                  F.HOST_IA32_EFER, 0xd03],
    ['CR4 without PAE in a 64-bit host',        F.HOST_CR4, 0x2000],
  ])('C22: host state with %s fails with error 8', (_name, field, value) => {
    expect(errorAfter((vmx) => { vmx.set(field, value); })).toBe(8);
  });

  it('controls are checked before host state', () => {
    expect(
      errorAfter((vmx) => {
        vmx.set(F.HOST_CR0, 0);
        vmx.set(F.CR3_TARGET_COUNT, 5);
      }),
    ).toBe(7);
  });

  it('names the rule that an entry broke, and forgets it with the next success', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    vmx.set(F.POSTED_INTR_NV, 0x1f2);
    vmx.enter();
    expect(vmx.vmx.brokenRule).toBe('posted-interrupt notification vector bits 15:8');
    vmx.set(F.POSTED_INTR_NV, 0xf2);
    vmx.enter();
    expect(vmx.vmx.brokenRule).toBeNull();
  });

  it('checks a control again after it was written, although an earlier entry had passed', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    vmx.guest().tripleFault();
    vmx.set(F.POSTED_INTR_NV, 0x1f2);
    expect(vmx.entryError()).toBe(7);
  });
});

/** Without virtual-interrupt delivery, and therefore without posted interrupts. */
function withoutDelivery(vmx: VmxProcessor): void {
  vmx.clearBits(F.PIN_BASED_VM_EXEC_CONTROL, C.PIN_BASED_POSTED_INTR);
  vmx.clearBits(F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY);
}

function thresholdAboveTpr(vmx: VmxProcessor): void {
  vmx.set(F.TPR_THRESHOLD, 5);
  vmx.memory.write32(VIRTUAL_APIC_PAGE + 0x80, 0x40);
}

function withoutTprShadow(vmx: VmxProcessor, secondary: number): void {
  vmx.clearBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_TPR_SHADOW);
  vmx.clearBits(F.PIN_BASED_VM_EXEC_CONTROL, C.PIN_BASED_POSTED_INTR);
  vmx.set(F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_ENABLE_EPT | secondary);
}
