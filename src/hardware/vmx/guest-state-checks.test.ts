import { describe, expect, it } from 'vitest';
import { VmxProcessor } from '../../../test/support/vmx-processor.js';
import { CPU_SYSTEM_FLAGS } from '../cpu/layout.js';
import * as C from './controls.js';
import { VMCS_FIELD as F } from './vmcs-field.js';
import { VMX_SUCCEED } from './vmx-unit.js';

const INVALID_GUEST_STATE = 0x8000_0021;
const EXTERNAL_20 = 0x8000_0020;
const NMI = 0x8000_0202;

/** Enters after `change`: exit reason and qualification of the failed entry, or null when the guest runs. */
function failureAfter(change: (vmx: VmxProcessor) => void): [reason: number, qualification: number] | null {
  const vmx = new VmxProcessor({ controls: 'base' });
  change(vmx);
  expect(vmx.enter()).toBe(VMX_SUCCEED);
  return vmx.cpu.nonRoot === null ? [vmx.get(F.VM_EXIT_REASON), vmx.get(F.EXIT_QUALIFICATION)] : null;
}

const setting =
  (...values: (readonly [field: number, value: number])[]) =>
  (vmx: VmxProcessor): void => {
    for (const [field, value] of values) vmx.set(field, value);
  };

describe('VM-entry checks on guest state', () => {
  // prettier-ignore
  it.each<[name: string, ...values: (readonly [field: number, value: number])[]]>([
    ['RFLAGS bit 1 clear',                    [F.GUEST_RFLAGS, 0x200]],
    ['RFLAGS bit 3 set',                      [F.GUEST_RFLAGS, 0x20a]],
    ['RFLAGS.VM in IA-32e mode',              [F.GUEST_RFLAGS, 0x2_0202]],
    ['CR0 without NE',                        [F.GUEST_CR0, 0x8001_0011]],
    ['CR0.PG without PE',                     [F.GUEST_CR0, 0x8001_0030]],
    ['CR4 without VMXE',                      [F.GUEST_CR4, 0x20]],
    ['CR4 without PAE in IA-32e mode',        [F.GUEST_CR4, 0x2000]],
    ['CR3 beyond MAXPHYADDR',                 [F.GUEST_CR3, 2 ** 46]],
    ['a reserved EFER bit',                   [F.GUEST_IA32_EFER, 0xd02]],
    ['EFER.LMA = 0 in IA-32e mode',           [F.GUEST_IA32_EFER, 0x900]],
    ['RIP with different bits 63:48',         [F.GUEST_RIP, 2 ** 48]],
    ['a non-canonical GDTR base',             [F.GUEST_GDTR_BASE, 2 ** 47]],
    ['an IDTR limit above FFFFH',             [F.GUEST_IDTR_LIMIT, 0x1_0000]],
    ['an unusable CS',                        [F.GUEST_CS_AR_BYTES, 0x1_a09b]],
    ['a data segment in CS',                  [F.GUEST_CS_AR_BYTES, 0xa093]],
    ['CS.L with CS.D',                        [F.GUEST_CS_AR_BYTES, 0xe09b]],
    ['a CS base above 4 GiB',                 [F.GUEST_CS_BASE, 2 ** 32]],
    ['CS.DPL 3 with SS.DPL 0',                [F.GUEST_CS_AR_BYTES, 0xa0fb]],
    ['RPL of CS and SS that differ',          [F.GUEST_SS_SELECTOR, 0x1b]],
    ['a code segment in SS',                  [F.GUEST_SS_AR_BYTES, 0xc09b]],
    ['G = 1 with limit bits 11:0 not all 1',  [F.GUEST_DS_LIMIT, 0xffff_f000]],
    ['G = 0 with limit bits 31:20 set',       [F.GUEST_DS_AR_BYTES, 0x4093]],
    ['a DS that is not accessed',             [F.GUEST_DS_AR_BYTES, 0xc092]],
    ['a DS that is not present',              [F.GUEST_DS_AR_BYTES, 0xc013]],
    ['reserved access-rights bits',           [F.GUEST_ES_AR_BYTES, 0xc193]],
    ['a non-canonical FS base',               [F.GUEST_FS_BASE, 2 ** 47]],
    ['an available TSS in TR',                [F.GUEST_TR_AR_BYTES, 0x89]],
    ['an unusable TR',                        [F.GUEST_TR_AR_BYTES, 0x1_008b]],
    ['a TR from the LDT',                     [F.GUEST_TR_SELECTOR, 0x44]],
    ['an LDTR that is no LDT',                [F.GUEST_LDTR_AR_BYTES, 0x83]],
    ['activity state 4',                      [F.GUEST_ACTIVITY_STATE, 4]],
    ['a reserved pending debug exception',    [F.GUEST_PENDING_DBG_EXCEPTIONS, 0x10]],
  ])('C23: %s fails with exit 33', (_name, ...values) => {
    expect(failureAfter(setting(...values))).toEqual([INVALID_GUEST_STATE, 0]);
  });

  it.each([0x20a, 0x2_0202])(
    'C23: RFLAGS that software has set to %xH since an entry that passed are checked',
    (flags) => {
      const change = (vmx: VmxProcessor): void => {
        vmx.guest().tripleFault();
        vmx.set(F.GUEST_RFLAGS, flags);
      };
      expect(failureAfter(change)).toEqual([INVALID_GUEST_STATE, 0]);
    },
  );

  it('C23: a 64-bit guest with null data segments is valid', () => {
    const unusable = [F.GUEST_ES_AR_BYTES, F.GUEST_DS_AR_BYTES, F.GUEST_SS_AR_BYTES, F.GUEST_FS_AR_BYTES];
    expect(failureAfter(setting(...unusable.map((field) => [field, 0x1_0000] as const)))).toBeNull();
  });

  it('C23: that bit 47 of RIP is like the bits above it is not checked', () => {
    expect(failureAfter(setting([F.GUEST_RIP, 2 ** 47]))).toBeNull();
  });

  it('C23: unrestricted guest lets a real-mode guest in', () => {
    expect(
      failureAfter((vmx) => {
        vmx.setBits(F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_UNRESTRICTED_GUEST);
        vmx.clearBits(F.VM_ENTRY_CONTROLS, C.VM_ENTRY_IA32E_MODE);
        setting([F.GUEST_CR0, 0x30], [F.GUEST_CR4, 0x2000], [F.GUEST_IA32_EFER, 0], [F.GUEST_RIP, 0xfff0])(vmx);
        setting([F.GUEST_CS_AR_BYTES, 0x9b], [F.GUEST_CS_LIMIT, 0xffff], [F.GUEST_CS_SELECTOR, 0xf000])(vmx);
      }),
    ).toBeNull();
  });

  it('18, C24: activity HLT with SS.DPL 3 fails with exit 33', () => {
    const ring3 = setting(
      [F.GUEST_CS_SELECTOR, 0x13],
      [F.GUEST_CS_AR_BYTES, 0xa0fb],
      [F.GUEST_SS_SELECTOR, 0x1b],
      [F.GUEST_SS_AR_BYTES, 0xc0f3],
    );
    expect(failureAfter(ring3)).toBeNull();
    expect(
      failureAfter((vmx) => {
        ring3(vmx);
        vmx.set(F.GUEST_ACTIVITY_STATE, 1);
      }),
    ).toEqual([INVALID_GUEST_STATE, 0]);
  });

  // prettier-ignore
  it.each<[name: string, ...values: (readonly [field: number, value: number])[]]>([
    ['reserved bits',                    [F.GUEST_INTERRUPTIBILITY_INFO, 0x20]],
    ['both STI and MOV SS',              [F.GUEST_INTERRUPTIBILITY_INFO, 3]],
    ['blocking by STI with IF = 0',      [F.GUEST_INTERRUPTIBILITY_INFO, 1], [F.GUEST_RFLAGS, 2]],
    ['blocking by STI in HLT',           [F.GUEST_INTERRUPTIBILITY_INFO, 1], [F.GUEST_ACTIVITY_STATE, 1]],
    ['blocking by MOV SS in shutdown',   [F.GUEST_INTERRUPTIBILITY_INFO, 2], [F.GUEST_ACTIVITY_STATE, 2]],
    ['blocking by SMI outside SMM',      [F.GUEST_INTERRUPTIBILITY_INFO, 4]],
  ])('C25: interruptibility with %s fails with exit 33', (_name, ...values) => {
    expect(failureAfter(setting(...values))).toEqual([INVALID_GUEST_STATE, 0]);
  });

  it.each([1, 2])('C26: injecting an external interrupt under blocking %i fails with exit 33', (blocking) => {
    const change = setting([F.VM_ENTRY_INTR_INFO_FIELD, EXTERNAL_20], [F.GUEST_INTERRUPTIBILITY_INFO, blocking]);
    expect(failureAfter(change)).toEqual([INVALID_GUEST_STATE, 0]);
  });

  it('19, C26: injecting an external interrupt with IF = 0 exits with bit 31 and does not save guest state', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    setting([F.VM_ENTRY_INTR_INFO_FIELD, EXTERNAL_20], [F.GUEST_RFLAGS, 2], [F.GUEST_RSP, 0x1234])(vmx);
    const before = [F.VM_EXIT_INTR_INFO, F.IDT_VECTORING_INFO_FIELD, F.VM_EXIT_INSTRUCTION_LEN].map((f) => vmx.get(f));
    vmx.cpu.setGprNumber(4, 0x9999);
    vmx.enter();
    expect(vmx.get(F.VM_EXIT_REASON)).toBe(INVALID_GUEST_STATE);
    expect(vmx.get(F.GUEST_RSP)).toBe(0x1234);
    expect([F.VM_EXIT_INTR_INFO, F.IDT_VECTORING_INFO_FIELD, F.VM_EXIT_INSTRUCTION_LEN].map((f) => vmx.get(f))).toEqual(
      before,
    );
    expect(vmx.get(F.VM_ENTRY_INTR_INFO_FIELD)).toBe(EXTERNAL_20);
    expect(vmx.cpu.rip).toBe(vmx.get(F.HOST_RIP));
    expect(vmx.cpu.word(CPU_SYSTEM_FLAGS)).toBe(2);
  });

  it('a failed entry is recovered by repairing the guest state', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.GUEST_RFLAGS, 0);
    vmx.enter();
    vmx.set(F.GUEST_RFLAGS, 2);
    vmx.enter();
    expect(vmx.cpu.nonRoot).not.toBeNull();
  });

  it('C27: an unaligned VMCS link pointer fails with qualification 4', () => {
    expect(failureAfter(setting([F.VMCS_LINK_POINTER, 0x2004]))).toEqual([INVALID_GUEST_STATE, 4]);
  });

  it('C27: a VMCS link pointer to a region without the revision identifier fails with qualification 4', () => {
    expect(failureAfter(setting([F.VMCS_LINK_POINTER, 0xe000]))).toEqual([INVALID_GUEST_STATE, 4]);
  });

  it('C28: a PDPTE with reserved bits fails with qualification 2', () => {
    const pae = (vmx: VmxProcessor): void => {
      vmx.clearBits(F.VM_ENTRY_CONTROLS, C.VM_ENTRY_IA32E_MODE);
      setting([F.GUEST_IA32_EFER, 0], [F.GUEST_CS_AR_BYTES, 0xc09b], [F.GUEST_PDPTR0, 0x1001])(vmx);
    };
    expect(failureAfter(pae)).toBeNull();
    expect(
      failureAfter((vmx) => {
        pae(vmx);
        vmx.set(F.GUEST_PDPTR2, 0x1003);
      }),
    ).toEqual([INVALID_GUEST_STATE, 2]);
  });

  it('C28: injecting an NMI under blocking by MOV SS fails with qualification 3', () => {
    const change = setting([F.VM_ENTRY_INTR_INFO_FIELD, NMI], [F.GUEST_INTERRUPTIBILITY_INFO, 2]);
    expect(failureAfter(change)).toEqual([INVALID_GUEST_STATE, 3]);
  });

  it('with virtual NMIs an NMI is not injected under virtual-NMI blocking', () => {
    const virtualNmis = (vmx: VmxProcessor): void => {
      vmx.setBits(F.PIN_BASED_VM_EXEC_CONTROL, C.PIN_BASED_NMI_EXITING | C.PIN_BASED_VIRTUAL_NMIS);
      setting([F.VM_ENTRY_INTR_INFO_FIELD, NMI], [F.GUEST_INTERRUPTIBILITY_INFO, 8])(vmx);
    };
    expect(failureAfter(virtualNmis)).toEqual([INVALID_GUEST_STATE, 0]);
    expect(failureAfter(setting([F.VM_ENTRY_INTR_INFO_FIELD, NMI], [F.GUEST_INTERRUPTIBILITY_INFO, 8]))).toBeNull();
  });

  // prettier-ignore
  it.each([
    ['HLT',           1, EXTERNAL_20,   true],
    ['HLT',           1, 0x8000_0306,   false],
    ['shutdown',      2, NMI,           true],
    ['shutdown',      2, EXTERNAL_20,   false],
    ['wait-for-SIPI', 3, NMI,           false],
  ])('activity state %s (%i) takes injected event %i: %s', (_name, activity, information, accepted) => {
    const failure = failureAfter(setting([F.GUEST_ACTIVITY_STATE, activity], [F.VM_ENTRY_INTR_INFO_FIELD, information]));
    expect(failure === null).toBe(accepted);
  });
});
