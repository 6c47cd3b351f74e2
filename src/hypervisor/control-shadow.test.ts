import { describe, expect, it } from 'vitest';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import { ControlShadow, writeField } from './control-shadow.js';
import { FakeVmcs } from './test-support/fake-vmcs.js';

describe('ControlShadow', () => {
  it('98: writes nothing to the VMCS when a shadowed control keeps its value', () => {
    const vmcs = new FakeVmcs();
    const { primary, tertiary } = new ControlShadow(vmcs);
    primary.set(0x8400_0004);
    tertiary.set(0x10n);
    vmcs.written.length = 0;
    expect(primary.set(0x8400_0004)).toBe(false);
    expect(primary.setBits(0x8000_0000)).toBe(false);
    expect(primary.clearBits(0x2)).toBe(false);
    expect(tertiary.setBits(0x10n)).toBe(false);
    expect(vmcs.written).toEqual([]);
  });

  it('98: counts one write per change', () => {
    const vmcs = new FakeVmcs();
    const shadow = new ControlShadow(vmcs);
    shadow.pin.set(0x89);
    shadow.pin.clearBits(0x80);
    shadow.pin.clearBits(0x80);
    expect(shadow.writes).toBe(2);
    expect(vmcs.vmread(VMCS_FIELD.PIN_BASED_VM_EXEC_CONTROL)).toBe(0x09);
  });

  it('keeps all 64 bits of the tertiary controls', () => {
    const vmcs = new FakeVmcs();
    const { tertiary } = new ControlShadow(vmcs);
    tertiary.set((1n << 40n) | 0x10n);
    tertiary.clearBits(0x10n);
    expect(tertiary.get()).toBe(1n << 40n);
    expect(vmcs.vmread64(VMCS_FIELD.TERTIARY_VM_EXEC_CONTROL)).toBe(1n << 40n);
  });

  it('starts from the zeros of a fresh VMCS', () => {
    const vmcs = new FakeVmcs();
    expect(new ControlShadow(vmcs).secondary.set(0)).toBe(false);
    expect(vmcs.written).toEqual([]);
  });

  it('reports a field that the processor does not have', () => {
    const vmcs = new FakeVmcs(() => false);
    expect(() => {
      writeField(vmcs, VMCS_FIELD.PID_POINTER_TABLE, 0x1000);
    }).toThrow('vmwrite failed: field=2042');
  });
});
