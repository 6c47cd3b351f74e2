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

/** All controls that add lines are 1; every other field holds its own encoding, so that a mix-up shows. */
function everyFieldItsEncoding(): FakeVmcs {
  const fields = new FakeVmcs();
  for (const field of Object.values(F)) fields.vmwrite(field, field);
  fields.vmwrite(F.PIN_BASED_VM_EXEC_CONTROL, 0xbf);
  fields.vmwrite(F.CPU_BASED_VM_EXEC_CONTROL, 0xb5a2_6dfa);
  fields.vmwrite(F.SECONDARY_VM_EXEC_CONTROL, 0x0200_0723);
  fields.vmwrite(F.TERTIARY_VM_EXEC_CONTROL, 0x10);
  fields.vmwrite(F.VM_ENTRY_CONTROLS, 0xd3ff);
  fields.vmwrite(F.VM_EXIT_CONTROLS, 0x2f_ffff);
  fields.vmwrite(F.POSTED_INTR_NV, 0xf2);
  fields.vmwrite(F.TPR_THRESHOLD, 0x0c);
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

  it.each([
    ['v1', 'PinBased=0x000000bf CPUBased=0xb5a26dfa SecondaryExec=0x02000723 TertiaryExec=0x0000000000000010', ''],
    ['5.19', 'CPUBased=0xb5a26dfa SecondaryExec=0x02000723 TertiaryExec=0x0000000000000010', 'PinBased=0x000000bf '],
    ['6.12', 'CPUBased=0xb5a26dfa SecondaryExec=0x02000723 TertiaryExec=0x0000000000000010', 'PinBased=0x000000bf '],
  ] as const)('100: prints every line in its order, with its field (%s)', (version, execution, pinBased) => {
    expect(dumpVmcs(everyFieldItsEncoding(), context({ behaviour: KVM_BEHAVIOUR[version] }))).toEqual([
      'VMCS 0000000000005000, last attempted VM-entry on CPU 1',
      '*** Guest State ***',
      'CR0: actual=0x0000000000006800, shadow=0x0000000000006004, gh_mask=0000000000006000',
      'CR4: actual=0x0000000000006804, shadow=0x0000000000006006, gh_mask=0000000000006002',
      'CR3 = 0x0000000000006802',
      'PDPTR0 = 0x000000000000280a  PDPTR1 = 0x000000000000280c',
      'PDPTR2 = 0x000000000000280e  PDPTR3 = 0x0000000000002810',
      'RSP = 0x000000000000681c  RIP = 0x000000000000681e',
      'RFLAGS=0x00006820         DR7 = 0x000000000000681a',
      'Sysenter RSP=0000000000006824 CS:RIP=482a:0000000000006826',
      'CS:   sel=0x0802, attr=0x04816, limit=0x00004802, base=0x0000000000006808',
      'DS:   sel=0x0806, attr=0x0481a, limit=0x00004806, base=0x000000000000680c',
      'SS:   sel=0x0804, attr=0x04818, limit=0x00004804, base=0x000000000000680a',
      'ES:   sel=0x0800, attr=0x04814, limit=0x00004800, base=0x0000000000006806',
      'FS:   sel=0x0808, attr=0x0481c, limit=0x00004808, base=0x000000000000680e',
      'GS:   sel=0x080a, attr=0x0481e, limit=0x0000480a, base=0x0000000000006810',
      'GDTR:                           limit=0x00004810, base=0x0000000000006816',
      'LDTR: sel=0x080c, attr=0x04820, limit=0x0000480c, base=0x0000000000006812',
      'IDTR:                           limit=0x00004812, base=0x0000000000006818',
      'TR:   sel=0x080e, attr=0x04822, limit=0x0000480e, base=0x0000000000006814',
      'EFER= 0x0000000000002806',
      'PAT = 0x0000000000002804',
      'DebugCtl = 0x0000000000002802  DebugExceptions = 0x0000000000006822',
      'Interruptibility = 00004824  ActivityState = 00004826',
      'InterruptStatus = 0810',
      '*** Host State ***',
      'RIP = 0x0000000000006c16  RSP = 0x0000000000006c14',
      'CS=0c02 SS=0c04 DS=0c06 ES=0c00 FS=0c08 GS=0c0a TR=0c0c',
      'FSBase=0000000000006c06 GSBase=0000000000006c08 TRBase=0000000000006c0a',
      'GDTBase=0000000000006c0c IDTBase=0000000000006c0e',
      'CR0=0000000000006c00 CR3=0000000000006c02 CR4=0000000000006c04',
      'Sysenter RSP=0000000000006c10 CS:RIP=4c00:0000000000006c12',
      'EFER= 0x0000000000002c02',
      'PAT = 0x0000000000002c00',
      'PerfGlobCtl = 0x0000000000002c04',
      '*** Control State ***',
      execution,
      `${pinBased}EntryControls=0000d3ff ExitControls=002fffff`,
      'ExceptionBitmap=00004004 PFECmask=00004006 PFECmatch=00004008',
      'VMEntry: intr_info=00004016 errcode=00004018 ilen=0000401a',
      'VMExit: intr_info=00004404 errcode=00004406 ilen=0000440c',
      '        reason=00004402 qualification=0000000000006400',
      'IDTVectoring: info=00004408 errcode=0000440a',
      'TSC Offset = 0x0000000000002010',
      'TSC Multiplier = 0x0000000000002032',
      'SVI|RVI = 08|10 TPR Threshold = 0x0c',
      'APIC-access addr = 0x0000000000002014 virt-APIC addr = 0x0000000000002012',
      'PostedIntrVec = 0xf2',
      'EPT pointer = 0x000000000000201a',
      'PLE Gap=00004020 Window=00004022',
      'Virtual processor ID = 0x0000',
      '*** ipiv-bench ***',
      'PI descriptor = 0x0000000000002016',
      'PID-pointer table = 0x0000000000002042 last index = 0x0008',
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
