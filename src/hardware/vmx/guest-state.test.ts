import { describe, expect, it } from 'vitest';
import { SPARE_PAGES, VmxGuest } from '../../../test/support/vmx-guest.js';
import { CPU_GS_BASE } from '../cpu/layout.js';
import { RFLAGS_CF } from '../cpu/rflags.js';
import { SEGMENT_DS } from '../cpu/segments.js';
import * as C from './controls.js';
import { VMCS_FIELD as F } from './vmcs-field.js';

const CPUID = [0x0f, 0xa2];
const NULL_DS = [0x31, 0xc0, 0x8e, 0xd8];
/** mov ecx, 277h; xor eax, eax; xor edx, edx; wrmsr: all entries of the PAT become UC. */
const CLEAR_PAT = [0xb9, 0x77, 0x02, 0, 0, 0x31, 0xc0, 0x31, 0xd2, 0x0f, 0x30];
const PAT = 0x0007_0406;

/**
 * Runs `code`, in which CPUIDs exit, under root software that is a model; `onExit` sees the number of exits so far. The
 * controls are such that the guest's registers stay where they are between exit and entry.
 */
function run(code: readonly number[], exits: number, onExit: (guest: VmxGuest, count: number) => void): VmxGuest {
  return new VmxGuest({
    code,
    prepare: (guest) => {
      guest.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_USE_MSR_BITMAPS);
      guest.set(F.MSR_BITMAP, SPARE_PAGES);
      guest.setBits(F.VM_ENTRY_CONTROLS, C.VM_ENTRY_LOAD_DEBUG_CONTROLS | C.VM_ENTRY_LOAD_IA32_PAT);
      guest.set(F.GUEST_IA32_PAT, PAT);
    },
    onExit: (guest) => {
      onExit(guest, guest.exits.length);
      guest.skip();
      return guest.exits.length < exits;
    },
  }).run();
}

const dataSelector = ({ cpu, vmx }: VmxGuest): number[] => [
  vmx.vmread(F.GUEST_DS_SELECTOR),
  cpu.segments[SEGMENT_DS].selector,
];

describe('guest state that is not loaded and saved every time', () => {
  it('is saved after an instruction that has changed it', () => {
    const guest = run([...NULL_DS, ...CPUID], 1, () => undefined);
    expect(guest.vmx.vmread(F.GUEST_DS_SELECTOR)).toBe(0);
  });

  it('stays what it was through exits between which nothing changes it', () => {
    const seen: number[][] = [];
    run([...CPUID, ...NULL_DS, ...CPUID, ...CPUID], 3, (guest) => seen.push(dataSelector(guest)));
    const [[before]] = seen;
    expect(before).not.toBe(0);
    expect(seen).toEqual([
      [before, before],
      [0, 0],
      [0, 0],
    ]);
  });

  it('is loaded when software has written its field', () => {
    const bases: number[] = [];
    run([...CPUID, ...CPUID], 2, (guest) => {
      bases.push(guest.cpu.long(CPU_GS_BASE));
      guest.set(F.GUEST_GS_BASE, 0x7_7000);
    });
    expect(bases[1]).toBe(0x7_7000);
  });

  it('is loaded again when the guest has changed what its exit does not save', () => {
    const values: number[] = [];
    run([...CLEAR_PAT, ...CPUID, ...CPUID], 2, ({ cpu }) => values.push(cpu.msrs.patLow));
    expect(values).toEqual([0, PAT]);
  });

  /** What the guest finds in the PAT at two exits; root software takes it away in between. */
  function patsAround(change: (guest: VmxGuest) => void): number[] {
    const values: number[] = [];
    run([...CPUID, ...CPUID], 2, (guest) => {
      values.push(guest.cpu.msrs.patLow);
      guest.cpu.msrs.patLow = 0;
      change(guest);
    });
    return values;
  }

  it('is loaded again when software has changed a control that loading depends on', () => {
    expect(patsAround((guest) => guest.setBits(F.VM_EXIT_CONTROLS, C.VM_EXIT_SAVE_IA32_PAT))).toEqual([PAT, PAT]);
  });

  it('is not loaded again for another control', () => {
    const set = (guest: VmxGuest): void => guest.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_INVLPG_EXITING);
    expect(patsAround(set)).toEqual([PAT, 0]);
  });

  it('is not loaded again for RFLAGS, which is', () => {
    const carries: number[] = [];
    const complement = (guest: VmxGuest): void => {
      const flags = guest.vmx.vmread(F.GUEST_RFLAGS);
      carries.push(flags & RFLAGS_CF);
      guest.set(F.GUEST_RFLAGS, flags ^ RFLAGS_CF);
    };
    expect(patsAround(complement)).toEqual([PAT, 0]);
    expect(carries).toEqual([0, RFLAGS_CF]);
  });
});

describe('host state under a model as root software', () => {
  it('is loaded where the next VM entry would not replace it', () => {
    const selectors: number[] = [];
    const guest = new VmxGuest({
      code: CPUID,
      onExit: ({ cpu }) => {
        selectors.push(cpu.segments[SEGMENT_DS].selector);
        return false;
      },
    });
    guest.set(F.HOST_DS_SELECTOR, 0x68);
    guest.run();
    expect(selectors).toEqual([0x68]);
  });
});
