import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SECOND_VMCS_REGION, VMCS_REGION, VMXON_REGION, VmxProcessor } from '../../../test/support/vmx-processor.js';
import { VMCS_FIELD as F } from './vmcs-field.js';
import { VMX_FAIL_INVALID, VMX_FAIL_VALID, VMX_SUCCEED, VmxUnit } from './vmx-unit.js';

function error(vmx: VmxProcessor): number {
  return vmx.get(F.VM_INSTRUCTION_ERROR);
}

describe('VMREAD and VMWRITE', () => {
  // prettier-ignore
  it.each([
    ['16-bit',        F.GUEST_CS_SELECTOR,   0xffffn],
    ['32-bit',        F.GUEST_CS_LIMIT,      0xffff_ffffn],
    ['64-bit',        F.TSC_OFFSET,          0xffff_ffff_ffff_ffffn],
    ['natural-width', F.GUEST_RSP,           0xffff_ffff_ffff_ffffn],
  ])('a %s field keeps the bits of its width and reads them back zero-extended', (_name, field, mask) => {
    const { vmx } = new VmxProcessor();
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        vmx.vmwrite64(field, value);
        expect(vmx.vmread64(field)).toBe(value & mask);
      }),
    );
  });

  it('the odd encoding of a 64-bit field is its bits 63:32 and leaves 31:0 alone', () => {
    const { vmx } = new VmxProcessor();
    vmx.vmwrite64(F.TSC_OFFSET, 0x1111_1111_2222_2222n);
    vmx.vmwrite(F.TSC_OFFSET + 1, 0x3333_3333);
    expect(vmx.vmread64(F.TSC_OFFSET)).toBe(0x3333_3333_2222_2222n);
    expect(vmx.vmread64(F.TSC_OFFSET + 1)).toBe(0x3333_3333n);
  });

  it('numbers are sign-extended on writing and signed on reading 64-bit fields', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.HOST_RIP, -4096);
    expect(vmx.vmx.vmread64(F.HOST_RIP)).toBe(0xffff_ffff_ffff_f000n);
    expect(vmx.get(F.HOST_RIP)).toBe(-4096);
  });

  it.each([F.GUEST_RIP + 1, F.GUEST_CS_LIMIT + 1, F.VIRTUAL_PROCESSOR_ID + 1, 0x3000, 0x7ffe, 0x1_0000])(
    'encoding %i has no field: error 12',
    (field) => {
      const vmx = new VmxProcessor();
      expect(vmx.vmx.vmwrite(field, 0)).toBe(VMX_FAIL_VALID);
      expect(error(vmx)).toBe(12);
      expect(vmx.vmx.vmread(field)).toBe(0);
      expect(vmx.vmx.readResult).toBe(VMX_FAIL_VALID);
    },
  );

  it('without IPI virtualization its fields do not exist: error 12', () => {
    const vmx = new VmxProcessor({ ipiv: false });
    for (const field of [F.PID_POINTER_TABLE, F.LAST_PID_POINTER_INDEX, F.TERTIARY_VM_EXEC_CONTROL]) {
      expect(vmx.vmx.vmwrite(field, 0)).toBe(VMX_FAIL_VALID);
      expect(error(vmx)).toBe(12);
    }
  });

  it.each([F.VM_EXIT_REASON, F.EXIT_QUALIFICATION, F.VM_INSTRUCTION_ERROR, F.GUEST_PHYSICAL_ADDRESS + 1])(
    'field %i is read-only: error 13',
    (field) => {
      const vmx = new VmxProcessor();
      expect(vmx.vmx.vmwrite(field, 1)).toBe(VMX_FAIL_VALID);
      expect(error(vmx)).toBe(13);
    },
  );

  it('without a current VMCS both fail with VMfailInvalid', () => {
    const { vmx } = new VmxProcessor();
    vmx.vmclear(VMCS_REGION);
    expect(vmx.vmwrite(F.GUEST_RIP, 0)).toBe(VMX_FAIL_INVALID);
    vmx.vmread(F.GUEST_RIP);
    expect(vmx.readResult).toBe(VMX_FAIL_INVALID);
  });

  it('fields do not overlap', () => {
    const { vmx, memory } = new VmxProcessor();
    const writable = Object.values(F).filter((field) => vmx.vmwrite(field, 0) === VMX_SUCCEED);
    writable.forEach((field, index) => vmx.vmwrite(field, index + 1));
    expect(writable.map((field) => vmx.vmread(field))).toEqual(writable.map((_, index) => index + 1));
    expect(memory.read32(VMCS_REGION)).toBe(0x11);
  });
});

describe('VMXON, VMPTRLD, VMCLEAR', () => {
  it.each([
    ['an unaligned address', 0x2800, 9],
    ['an address beyond memory', 2 ** 40, 9],
    ['the VMXON region', VMXON_REGION, 10],
    ['a region with another revision', 0xe000, 11],
  ])('VMPTRLD of %s fails and keeps the current VMCS', (_name, address, number) => {
    const vmx = new VmxProcessor();
    expect(vmx.vmx.vmptrld(address)).toBe(VMX_FAIL_VALID);
    expect(error(vmx)).toBe(number);
    expect(vmx.vmx.vmptrst()).toBe(VMCS_REGION);
  });

  it.each([
    ['an unaligned address', 0x2800, 2],
    ['the VMXON region', VMXON_REGION, 3],
  ])('VMCLEAR of %s fails', (_name, address, number) => {
    const vmx = new VmxProcessor();
    expect(vmx.vmx.vmclear(address)).toBe(VMX_FAIL_VALID);
    expect(error(vmx)).toBe(number);
  });

  it('VMXON needs an aligned region with the revision identifier, and fails inside VMX operation', () => {
    const processor = new VmxProcessor();
    expect(processor.vmx.vmxon(VMXON_REGION)).toBe(VMX_FAIL_VALID);
    expect(error(processor)).toBe(15);
    const fresh = new VmxUnit(processor.cpu);
    expect(fresh.vmxon(VMXON_REGION + 8)).toBe(VMX_FAIL_INVALID);
    expect(fresh.vmxon(0xe000)).toBe(VMX_FAIL_INVALID);
    expect(fresh.vmxon(VMXON_REGION)).toBe(VMX_SUCCEED);
  });

  it('VMX instructions outside VMX operation are #UD, which the caller must not let happen', () => {
    const { cpu } = new VmxProcessor();
    expect(() => new VmxUnit(cpu).vmptrst()).toThrow('#UD');
  });

  it('VMCLEAR of the current VMCS leaves none current and keeps the data in the region', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.GUEST_RIP, 0x1234);
    vmx.vmx.vmclear(VMCS_REGION);
    expect(vmx.vmx.vmptrst()).toBe(-1);
    vmx.vmx.vmptrld(VMCS_REGION);
    expect(vmx.get(F.GUEST_RIP)).toBe(0x1234);
  });

  it('two VMCSs keep their fields apart', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.GUEST_RIP, 1);
    vmx.load(SECOND_VMCS_REGION);
    vmx.set(F.GUEST_RIP, 2);
    vmx.vmx.vmptrld(VMCS_REGION);
    expect(vmx.get(F.GUEST_RIP)).toBe(1);
  });
});

describe('VMLAUNCH and VMRESUME', () => {
  it('VMRESUME of a VMCS that is not launched fails with error 5', () => {
    const vmx = new VmxProcessor();
    expect(vmx.vmx.vmresume()).toBe(VMX_FAIL_VALID);
    expect(error(vmx)).toBe(5);
  });

  it('VMLAUNCH of a launched VMCS fails with error 4, VMCLEAR makes it clear again', () => {
    const vmx = new VmxProcessor();
    vmx.guest().tripleFault();
    expect(vmx.vmx.vmlaunch()).toBe(VMX_FAIL_VALID);
    expect(error(vmx)).toBe(4);
    vmx.load(VMCS_REGION);
    expect(vmx.vmx.vmlaunch()).toBe(VMX_SUCCEED);
  });

  it('an entry that fails its checks does not launch the VMCS', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.CR3_TARGET_COUNT, 5);
    vmx.vmx.vmlaunch();
    expect(vmx.vmx.vmresume()).toBe(VMX_FAIL_VALID);
    expect(error(vmx)).toBe(5);
  });

  it('VM entry under blocking by MOV SS fails with error 26', () => {
    const vmx = new VmxProcessor();
    vmx.cpu.shadow = 2;
    expect(vmx.entryError()).toBe(26);
  });

  it('blocking by MOV SS goes before the wrong launch state', () => {
    const vmx = new VmxProcessor();
    vmx.guest().tripleFault();
    vmx.cpu.shadow = 2;
    expect(vmx.vmx.vmlaunch()).toBe(VMX_FAIL_VALID);
    expect(error(vmx)).toBe(26);
  });

  it('without a current VMCS they fail with VMfailInvalid', () => {
    const { vmx } = new VmxProcessor();
    vmx.vmclear(VMCS_REGION);
    expect([vmx.vmlaunch(), vmx.vmresume()]).toEqual([VMX_FAIL_INVALID, VMX_FAIL_INVALID]);
  });
});

describe('INVEPT and INVVPID', () => {
  // prettier-ignore
  it.each<[name: string, call: (vmx: VmxUnit) => number, result: number]>([
    ['INVEPT type 0',                          (vmx) => vmx.invept(0, 0),          VMX_FAIL_VALID],
    ['INVEPT type 1',                          (vmx) => vmx.invept(1, 0xb01e),     VMX_SUCCEED],
    ['INVEPT type 2',                          (vmx) => vmx.invept(2, 0),          VMX_SUCCEED],
    ['INVVPID type 4',                         (vmx) => vmx.invvpid(4, 1, 0),      VMX_FAIL_VALID],
    ['INVVPID type 1 of VPID 0',               (vmx) => vmx.invvpid(1, 0, 0),      VMX_FAIL_VALID],
    ['INVVPID type 2 of VPID 0',               (vmx) => vmx.invvpid(2, 0, 0),      VMX_SUCCEED],
    ['INVVPID of a non-canonical address',     (vmx) => vmx.invvpid(0, 1, 2**47),  VMX_FAIL_VALID],
  ])('%s', (_name, call, result) => {
    const vmx = new VmxProcessor();
    expect(call(vmx.vmx)).toBe(result);
    if (result === VMX_FAIL_VALID) expect(error(vmx)).toBe(28);
  });
});
