import { describe, expect, it } from 'vitest';
import * as C from '../hardware/vmx/controls.js';
import { VMCS_FIELD as F } from '../hardware/vmx/vmcs-field.js';
import { DUMP_HINT, dumpVmcs, type DumpContext } from './dump-vmcs.js';
import { KVM_BEHAVIOUR } from './kvm-parameters.js';
import { FakeVmcs } from './test-support/fake-vmcs.js';

function context(set: Partial<DumpContext> = {}): DumpContext {
  const defaults = { enabled: true, vmcsAddress: 0x5000, tertiary: true, ipiv: true, efer: 0xd01, lastCpu: 1 };
  return { behaviour: KVM_BEHAVIOUR['5.19'], ...defaults, ...set };
}

/** A VMCS with IPI virtualization in xAPIC mode. */
function vmcs(): FakeVmcs {
  const fields = new FakeVmcs();
  fields.vmwrite(F.PIN_BASED_VM_EXEC_CONTROL, 0xbf);
  fields.vmwrite(F.CPU_BASED_VM_EXEC_CONTROL, 0xb5a2_6dfa);
  fields.vmwrite(F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES | 0x322);
  fields.vmwrite(F.TERTIARY_VM_EXEC_CONTROL, 0x10);
  fields.vmwrite(F.VM_ENTRY_CONTROLS, 0xd3ff);
  fields.vmwrite(F.VM_EXIT_CONTROLS, 0x2f_ffff);
  fields.vmwrite(F.GUEST_INTR_STATUS, 0x2031);
  fields.vmwrite(F.POSTED_INTR_NV, 0xf2);
  fields.vmwrite(F.VIRTUAL_APIC_PAGE_ADDR, 0x12000);
  fields.vmwrite(F.APIC_ACCESS_ADDR, 0x13000);
  fields.vmwrite(F.GUEST_CS_SELECTOR, 8);
  fields.vmwrite(F.GUEST_CS_AR_BYTES, 0xa09b);
  fields.vmwrite(F.GUEST_CS_LIMIT, 0xffff_ffff);
  return fields;
}

describe('dump_vmcs', () => {
  it('100: prints the control words on one line in v1', () => {
    const lines = dumpVmcs(vmcs(), context({ behaviour: KVM_BEHAVIOUR.v1 }));
    const at = lines.indexOf('*** Control State ***');
    expect(lines.slice(at + 1, at + 3)).toEqual([
      'PinBased=0x000000bf CPUBased=0xb5a26dfa SecondaryExec=0x00000323 TertiaryExec=0x0000000000000010',
      'EntryControls=0000d3ff ExitControls=002fffff',
    ]);
  });

  it('100: prints them on two reordered lines from v9 on', () => {
    const lines = dumpVmcs(vmcs(), context());
    const at = lines.indexOf('*** Control State ***');
    expect(lines.slice(at + 1, at + 3)).toEqual([
      'CPUBased=0xb5a26dfa SecondaryExec=0x00000323 TertiaryExec=0x0000000000000010',
      'PinBased=0x000000bf EntryControls=0000d3ff ExitControls=002fffff',
    ]);
  });

  it('prints a tertiary word of 0 where the processor has none', () => {
    const lines = dumpVmcs(vmcs(), context({ tertiary: false, ipiv: false }));
    expect(lines.some((line) => line.endsWith('TertiaryExec=0x0000000000000000'))).toBe(true);
    expect(lines.some((line) => line.startsWith('PID-pointer table'))).toBe(false);
  });

  it('prints APIC virtualization by the controls that are on', () => {
    const lines = dumpVmcs(vmcs(), context());
    expect(lines).toContain('SVI|RVI = 20|31 TPR Threshold = 0x00');
    expect(lines).toContain('APIC-access addr = 0x0000000000013000 virt-APIC addr = 0x0000000000012000');
    expect(lines).toContain('PostedIntrVec = 0xf2');
    expect(lines).toContain('InterruptStatus = 2031');
  });

  it('leaves the APIC-access address out in x2APIC mode', () => {
    const fields = vmcs();
    fields.vmwrite(F.SECONDARY_VM_EXEC_CONTROL, 0x332);
    expect(dumpVmcs(fields, context())).toContain('virt-APIC addr = 0x0000000000012000');
  });

  it('prints segments with five digits of access rights', () => {
    expect(dumpVmcs(vmcs(), context())).toContain(
      'CS:   sel=0x0008, attr=0x0a09b, limit=0xffffffff, base=0x0000000000000000',
    );
  });

  it('opens with the region and the CPU of the last entry', () => {
    expect(dumpVmcs(vmcs(), context())[0]).toBe('VMCS 0000000000005000, last attempted VM-entry on CPU 1');
  });

  it('keeps what KVM does not print under a heading of its own', () => {
    const lines = dumpVmcs(vmcs(), context());
    expect(lines.indexOf('*** ipiv-bench ***')).toBeGreaterThan(lines.indexOf('*** Control State ***'));
    expect(lines.at(-1)).toMatch(/^PID-pointer table = 0x[0-9a-f]{16} last index = 0x[0-9a-f]{4}$/);
  });

  it('prints a single hint without dump_invalid_vmcs', () => {
    expect(dumpVmcs(vmcs(), context({ enabled: false }))).toEqual([DUMP_HINT]);
  });
});
