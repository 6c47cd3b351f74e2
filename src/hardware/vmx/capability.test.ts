import { describe, expect, it } from 'vitest';
import * as K from './capability.js';
import * as C from './controls.js';
import { VMCS_FIELD as F } from './vmcs-field.js';

function read(features: Partial<K.VmxFeatures>, msr: number): bigint | null {
  return new K.VmxCapabilities({ ipiv: true, apicv: true, ...features }).read(msr);
}

const low = (value: bigint | null): number => Number((value ?? 0n) & 0xffff_ffffn);
const high = (value: bigint | null): number => Number((value ?? 0n) >> 32n);

describe('VMX capability MSRs', () => {
  it('1: MSR 492H is #GP when primary bit 17 may not be 1', () => {
    expect(read({ withhold: { primary: C.CPU_BASED_ACTIVATE_TERTIARY_CONTROLS } }, 0x492)).toBeNull();
    expect(read({ ipiv: false }, 0x492)).toBeNull();
  });

  it('MSR 492H holds allowed-1 settings in all its 64 bits and no allowed-0 half', () => {
    expect(read({}, 0x492)).toBe(0x10n);
    expect(read({ withhold: { tertiary: 0x10n } }, 0x492)).toBe(0n);
  });

  it('the plain MSRs report the default-1 classes as fixed', () => {
    expect([0x481, 0x482, 0x483, 0x484].map((msr) => low(read({}, msr)))).toEqual([0x16, 0x401_e172, 0x3_6dff, 0x11ff]);
  });

  it('the TRUE MSRs free CR3 exiting and the debug controls', () => {
    expect([0x48d, 0x48e, 0x48f, 0x490].map((msr) => low(read({}, msr)))).toEqual([0x16, 0x400_6172, 0x3_6dfb, 0x11fb]);
  });

  it.each([0x481, 0x482, 0x483, 0x484, 0x48d, 0x48e, 0x48f, 0x490])(
    'every bit that must be 1 in %i may be 1',
    (msr) => {
      const value = read({}, msr);
      expect(low(value) & ~high(value)).toBe(0);
    },
  );

  it('without APICv no control of it may be 1', () => {
    const secondary = high(read({ apicv: false }, 0x48b));
    expect(secondary & (C.SECONDARY_EXEC_APIC_REGISTER_VIRT | C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)).toBe(0);
    expect(high(read({ apicv: false }, 0x481)) & C.PIN_BASED_POSTED_INTR).toBe(0);
  });

  it('withheld bits may not be 1, unless they must be', () => {
    const primary = high(read({ withhold: { primary: C.CPU_BASED_TPR_SHADOW | 2 } }, 0x482));
    expect(primary & C.CPU_BASED_TPR_SHADOW).toBe(0);
    expect(primary & 2).toBe(2);
  });

  it('secondary and EPT capabilities exist only with secondary controls', () => {
    const without = { withhold: { primary: C.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS } };
    expect(read(without, 0x48b)).toBeNull();
    expect(low(read({}, 0x48b))).toBe(0);
  });

  it('IA32_VMX_BASIC gives revision, region size, write-back type and the TRUE MSRs', () => {
    const basic = read({}, 0x480) ?? 0n;
    expect(basic & 0x7fff_ffffn).toBe(BigInt(K.VMCS_REVISION));
    expect((basic >> 32n) & 0x1fffn).toBe(4096n);
    expect((basic >> 50n) & 15n).toBe(6n);
    expect((basic >> 55n) & 1n).toBe(1n);
  });

  it.each([0x47f, 0x491, 0x493, 0x494])('MSR %i is not a capability of this processor', (msr) => {
    expect(read({}, msr)).toBeNull();
  });

  it('IA32_VMX_VMCS_ENUM has the highest index of a field that exists', () => {
    const capabilities = new K.VmxCapabilities({ ipiv: true, apicv: true });
    const indices = Object.values(F).filter((field) => capabilities.supportsField(field));
    const highest = Math.max(...indices.map((field) => (field >> 1) & 0x1ff));
    expect(low(read({}, 0x48a))).toBe(highest << 1);
    expect((F.PID_POINTER_TABLE >> 1) & 0x1ff).toBe(highest);
  });

  it('a field exists where a control that uses it may be 1', () => {
    const without = new K.VmxCapabilities({ ipiv: false, apicv: true });
    const withIt = new K.VmxCapabilities({ ipiv: true, apicv: true });
    for (const field of [F.PID_POINTER_TABLE, F.PID_POINTER_TABLE + 1, F.LAST_PID_POINTER_INDEX]) {
      expect([without.supportsField(field), withIt.supportsField(field)]).toEqual([false, true]);
    }
    expect(withIt.supportsField(F.PML_ADDRESS)).toBe(false);
    expect(withIt.supportsField(F.GUEST_RIP)).toBe(true);
  });
});
