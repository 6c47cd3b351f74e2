import { describe, expect, it } from 'vitest';
import { CODE, SPARE_PAGES, VmxGuest, type VmxGuestOptions } from '../../../test/support/vmx-guest.js';
import { PENDING_BS, PENDING_ENABLED_BREAKPOINT } from '../cpu/debug/debug-exceptions.js';
import * as C from './controls.js';
import { VMCS_FIELD as F } from './vmcs-field.js';

const CPUID = [0x0f, 0xa2];
const NOP = [0x90];
const MOV_TO_DR7 = [0x0f, 0x23, 0xf8];
const MOV_SS = [0x8e, 0xd0];
const RF = 1 << 16;
const TF = 1 << 8;
const DB = 1 << 1;
const HARDWARE_DB = 0x8000_0301;
const REASON_EXCEPTION = 0;
const REASON_CPUID = 10;
const REASON_DR = 29;
const BLOCKING_BY_MOV_SS = 2;
const BLOCKING_BY_STI = 1;
/** mov [address], eax */
const store = (address: number): number[] => [
  ...[0x89, 0x04, 0x25],
  ...[0, 8, 16, 24].map((shift) => (address >>> shift) & 255),
];
const STORE_LENGTH = 7;

interface Options extends Omit<VmxGuestOptions, 'prepare'> {
  readonly fields?: readonly (readonly [field: number, value: number])[];
  readonly prepare?: (guest: VmxGuest) => void;
}

/** A guest whose DR7 is loaded at entry and saved at exit; `fields` go into its VMCS. */
function run({ fields = [], prepare, ...options }: Options): VmxGuest {
  return new VmxGuest({
    ...options,
    prepare: (guest) => {
      guest.setBits(F.VM_ENTRY_CONTROLS, C.VM_ENTRY_LOAD_DEBUG_CONTROLS);
      guest.setBits(F.VM_EXIT_CONTROLS, C.VM_EXIT_SAVE_DEBUG_CONTROLS);
      for (const [field, value] of fields) guest.set(field, value);
      prepare?.(guest);
    },
  }).run();
}

/** Breakpoint 0 in DR7: on an instruction, or on stores of 4 bytes. */
const ON_INSTRUCTION = 0x401;
const ON_STORE = 0xd_0401;

const at =
  (address: number) =>
  (guest: VmxGuest): void => {
    guest.cpu.dr.write(0, BigInt(address));
  };

describe('DR7', () => {
  it('comes from the VMCS at VM entry, with its fixed bits, and is 400H after the exit', () => {
    const guest = run({ code: CPUID, fields: [[F.GUEST_DR7, 0xffff_f300]] });
    expect([guest.vmx.vmread(F.GUEST_DR7), guest.cpu.dr.control]).toEqual([0xffff_2700, 0x400]);
  });

  it('MOV DR exits before anything else', () => {
    const [exit] = run({
      code: MOV_TO_DR7,
      fields: [[F.GUEST_DR7, 0x2400]],
      prepare: (guest) => {
        guest.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_MOV_DR_EXITING);
      },
    }).exits;
    expect(exit).toMatchObject({ reason: REASON_DR, qualification: 7, rip: 0 });
  });
});

describe('#DB exits', () => {
  const fields = [[F.EXCEPTION_BITMAP, DB]] as const;

  it('name the breakpoint on the instruction, and leave DR6 alone', () => {
    const guest = run({
      code: [...NOP, ...NOP],
      fields: [...fields, [F.GUEST_DR7, ON_INSTRUCTION]],
      prepare: at(CODE + 1),
    });
    expect(guest.exits[0]).toMatchObject({
      reason: REASON_EXCEPTION,
      information: HARDWARE_DB,
      qualification: 1,
      rip: 1,
    });
    expect([guest.cpu.dr.read(6), guest.vmx.vmread(F.GUEST_RFLAGS) & RF]).toEqual([0xffff_0ff0n, 0]);
  });

  it('come behind the instruction that meets a breakpoint on data; nothing stays pending', () => {
    const guest = run({
      code: store(SPARE_PAGES),
      fields: [...fields, [F.GUEST_DR7, ON_STORE]],
      prepare: at(SPARE_PAGES),
    });
    expect(guest.exits[0]).toMatchObject({ reason: REASON_EXCEPTION, qualification: 1, rip: STORE_LENGTH });
    expect(guest.vmx.vmread(F.GUEST_PENDING_DBG_EXCEPTIONS)).toBe(0);
  });

  it('of general detect leave DR7.GD set and save RF = 1', () => {
    const guest = run({ code: MOV_TO_DR7, fields: [...fields, [F.GUEST_DR7, 0x2400]] });
    expect(guest.exits[0]).toMatchObject({ qualification: 0x2000, rip: 0 });
    expect([guest.vmx.vmread(F.GUEST_DR7), guest.vmx.vmread(F.GUEST_RFLAGS) & RF]).toEqual([0x2400, RF]);
  });
});

describe('RF at VM exits', () => {
  it('is 0 for an instruction that exits, though it began with RF = 1', () => {
    const guest = run({ code: CPUID, fields: [[F.GUEST_RFLAGS, 2 | RF]] });
    expect(guest.vmx.vmread(F.GUEST_RFLAGS)).toBe(2);
  });

  it('is 1 for the fault of an instruction', () => {
    const guest = run({ code: [0x0f, 0x0b], fields: [[F.EXCEPTION_BITMAP, 1 << 6]] });
    expect(guest.vmx.vmread(F.GUEST_RFLAGS) & RF).toBe(RF);
  });

  it('is 1 for an EPT violation and for an APIC access of an instruction', () => {
    const ept = run({
      code: NOP,
      fields: [
        [F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_ENABLE_EPT],
        [F.EPT_POINTER, SPARE_PAGES | 0x1e],
      ],
      prepare: withSecondary,
    });
    const apic = run({
      code: store(SPARE_PAGES),
      fields: [
        [F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES],
        [F.APIC_ACCESS_ADDR, SPARE_PAGES],
      ],
      prepare: withSecondary,
    });
    expect([ept, apic].map(({ exits, vmx }) => [exits[0].reason, vmx.vmread(F.GUEST_RFLAGS) & RF])).toEqual([
      [48, RF],
      [44, RF],
    ]);
  });

  it('lets the instruction be executed at whose access the exit was', () => {
    const guest = run({
      code: [...NOP, ...CPUID],
      fields: [
        [F.GUEST_RFLAGS, 2 | RF],
        [F.GUEST_DR7, ON_INSTRUCTION],
        [F.EXCEPTION_BITMAP, DB],
      ],
      prepare: at(CODE),
    });
    expect(guest.exits[0]).toMatchObject({ reason: REASON_CPUID, rip: 1 });
  });

  function withSecondary(guest: VmxGuest): void {
    guest.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS);
  }
});

describe('pending debug exceptions', () => {
  const PENDING = PENDING_ENABLED_BREAKPOINT | 1;
  const intercepted = [F.EXCEPTION_BITMAP, DB] as const;

  it('are saved when an instruction behind MOV SS exits, single step included', () => {
    const guest = run({
      code: [...MOV_SS, ...CPUID],
      fields: [[F.GUEST_RFLAGS, 2 | TF]],
      prepare: ({ cpu }) => {
        cpu.setGprNumber(0, cpu.segments[2].selector);
      },
    });
    expect(guest.exits[0]).toMatchObject({ reason: REASON_CPUID, rip: 2 });
    expect(guest.vmx.vmread(F.GUEST_INTERRUPTIBILITY_INFO)).toBe(BLOCKING_BY_MOV_SS);
    expect(guest.vmx.vmread(F.GUEST_PENDING_DBG_EXCEPTIONS)).toBe(PENDING_BS);
  });

  it('are saved as clear by other exits', () => {
    const guest = run({ code: CPUID, fields: [[F.GUEST_PENDING_DBG_EXCEPTIONS, 1]] });
    expect(guest.vmx.vmread(F.GUEST_PENDING_DBG_EXCEPTIONS)).toBe(0);
  });

  it('are delivered right after VM entry', () => {
    const guest = run({ code: NOP, fields: [intercepted, [F.GUEST_PENDING_DBG_EXCEPTIONS, PENDING]] });
    expect(guest.exits[0]).toMatchObject({
      reason: REASON_EXCEPTION,
      information: HARDWARE_DB,
      qualification: 1,
      rip: 0,
    });
  });

  it('that no enabled breakpoint and no single step stands behind are not delivered', () => {
    const guest = run({ code: CPUID, fields: [intercepted, [F.GUEST_PENDING_DBG_EXCEPTIONS, 1]] });
    expect(guest.exits[0]).toMatchObject({ reason: REASON_CPUID });
  });

  it('wait for one instruction behind blocking by MOV SS, not behind blocking by STI', () => {
    const blocked = (blocking: number): number =>
      run({
        code: [...NOP, ...NOP],
        fields: [
          intercepted,
          [F.GUEST_RFLAGS, 0x202],
          [F.GUEST_INTERRUPTIBILITY_INFO, blocking],
          [F.GUEST_PENDING_DBG_EXCEPTIONS, PENDING],
        ],
      }).exits[0].rip;
    expect([BLOCKING_BY_MOV_SS, BLOCKING_BY_STI].map(blocked)).toEqual([1, 0]);
  });

  it.each([
    ['an external interrupt', 0x8000_0020, 0, false],
    ['a hardware exception', 0x8000_0306, 0, false],
    ['a software interrupt', 0x8000_0420, 0, false],
    ['a software interrupt behind MOV SS', 0x8000_0420, BLOCKING_BY_MOV_SS, true],
  ])('with the injection of %s', (_, information, blocking, survive) => {
    const { exits } = run({
      code: [...NOP, ...CPUID],
      gates: [information & 0xff].map((vector) => ({ vector, address: CODE + 1, dpl: 3 as const })),
      fields: [
        intercepted,
        [F.GUEST_RFLAGS, 0x202],
        [F.GUEST_INTERRUPTIBILITY_INFO, blocking],
        [F.GUEST_PENDING_DBG_EXCEPTIONS, PENDING],
        [F.VM_ENTRY_INTR_INFO_FIELD, information],
        [F.VM_ENTRY_INSTRUCTION_LEN, 2],
      ],
    });
    expect(exits[0]).toMatchObject({ reason: survive ? REASON_EXCEPTION : REASON_CPUID, rip: 1 });
  });

  it('no blocking by STI outlives the injection, not even where its delivery exits', () => {
    const guest = run({
      code: NOP,
      fields: [
        [F.GUEST_RFLAGS, 0x202],
        [F.GUEST_INTERRUPTIBILITY_INFO, BLOCKING_BY_STI],
        [F.GUEST_IDTR_LIMIT, 0],
        [F.VM_ENTRY_INTR_INFO_FIELD, 0x8000_0306],
      ],
    });
    expect([guest.exits[0].reason, guest.vmx.vmread(F.GUEST_INTERRUPTIBILITY_INFO)]).toEqual([2, 0]);
  });

  it('are kept by a trap-like exit of the instruction that caused them', () => {
    const virtualApic = SPARE_PAGES + 0x1000;
    const guest = run({
      code: store(SPARE_PAGES + 0x320),
      fields: [
        [F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES | C.SECONDARY_EXEC_APIC_REGISTER_VIRT],
        [F.APIC_ACCESS_ADDR, SPARE_PAGES],
        [F.VIRTUAL_APIC_PAGE_ADDR, virtualApic],
        [F.GUEST_DR7, ON_STORE],
      ],
      prepare: (each) => {
        at(SPARE_PAGES + 0x320)(each);
        each.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS | C.CPU_BASED_TPR_SHADOW);
      },
    });
    expect(guest.exits[0]).toMatchObject({ reason: 56, rip: STORE_LENGTH });
    expect(guest.vmx.vmread(F.GUEST_PENDING_DBG_EXCEPTIONS)).toBe(PENDING);
  });
});
