import { describe, expect, it } from 'vitest';
import { CODE, SPARE_PAGES, VmxGuest, type VmxGuestOptions } from '../../../test/support/vmx-guest.js';
import { TICKS_PER_CYCLE } from '../../cost/step.js';
import { CPU_TSC_OFFSET, ORDER_STEPPED } from '../cpu/layout.js';
import * as C from './controls.js';
import { VMCS_FIELD as F } from './vmcs-field.js';

const CPUID = [0x0f, 0xa2];
const HLT = [0xf4];
const NOP = [0x90];
const STI = [0xfb];
const PAUSE = [0xf3, 0x90];
const RDTSC = [0x0f, 0x31];
/** jmp $ */
const SPIN = [0xeb, 0xfe];
/** mov ebx, imm32 */
const movEbx = (value: number): number[] => [0xbb, value, 0, 0, 0];
/** mov eax, [absolute] */
const load = (address: number): number[] => [
  0x8b,
  0x04,
  0x25,
  address & 255,
  (address >> 8) & 255,
  (address >> 16) & 255,
  (address >>> 24) & 255,
];

function run(options: VmxGuestOptions): VmxGuest {
  return new VmxGuest(options).run();
}

const withPrimary =
  (bits: number) =>
  (guest: VmxGuest): void => {
    guest.setBits(F.CPU_BASED_VM_EXEC_CONTROL, bits);
  };

const withSecondary =
  (bits: number) =>
  (guest: VmxGuest): void => {
    guest.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS);
    guest.set(F.SECONDARY_VM_EXEC_CONTROL, bits);
  };

describe('guest code', () => {
  it('CPUID exits at the instruction; execution goes on where root software says', () => {
    const guest = run({
      code: [...CPUID, ...movEbx(7), ...HLT],
      onExit: (vm, { reason }) => {
        vm.skip();
        return reason === 10;
      },
    });
    expect(guest.exits.map(({ reason, rip, length }) => [reason, rip, length])).toEqual([
      [10, 0, 2],
      [12, 7, 1],
    ]);
    expect(guest.cpu.gprLow(3)).toBe(7);
  });

  it.each([
    ['RDTSCP', [0x0f, 0x01, 0xf9]],
    ['RDPID', [0xf3, 0x0f, 0xc7, 0xf8]],
  ])('%s is #UD unless "enable RDTSCP" is 1', (_name, code) => {
    const exits = (secondary: number): (number | undefined)[] => {
      const { exits: seen } = run({
        code: [...code, ...HLT],
        prepare: (vm) => {
          withSecondary(secondary)(vm);
          vm.set(F.EXCEPTION_BITMAP, 1 << 6);
        },
      });
      return seen.map(({ reason, rip }) => (reason === 0 ? -1 : rip));
    };
    expect(exits(0)).toEqual([-1]);
    expect(exits(C.SECONDARY_EXEC_ENABLE_RDTSCP)).toEqual([code.length]);
  });

  it('an injected interrupt runs its handler first', () => {
    const handler = NOP.length;
    const guest = run({
      code: [...NOP, ...CPUID],
      gates: [{ vector: 0x20, address: CODE + handler, dpl: 0 }],
      prepare: (vm) => {
        vm.set(F.GUEST_RFLAGS, 0x202);
        vm.set(F.VM_ENTRY_INTR_INFO_FIELD, 0x8000_0020);
      },
    });
    expect(guest.exits.map(({ reason, rip }) => [reason, rip])).toEqual([[10, handler]]);
    expect(guest.vmx.vmread(F.GUEST_RFLAGS) & 0x200).toBe(0);
  });

  it('a page fault of a load exits with its address when the exception bitmap asks for it', () => {
    const [exit] = run({
      code: load(0x7000_0000),
      prepare: (vm) => {
        vm.set(F.EXCEPTION_BITMAP, 1 << 14);
      },
    }).exits;
    expect(exit).toMatchObject({ reason: 0, qualification: 0x7000_0000, rip: 0, information: 0x8000_0b0e });
  });

  it('a fault without an IDT ends in a triple-fault exit', () => {
    const [exit] = run({
      code: load(0x7000_0000),
      prepare: (vm) => {
        vm.set(F.GUEST_IDTR_LIMIT, 0);
      },
    }).exits;
    expect(exit).toMatchObject({ reason: 2, rip: 0 });
  });

  it('with EPT that maps nothing the first fetch is an EPT violation', () => {
    const guest = run({
      code: NOP,
      prepare: (vm) => {
        withSecondary(C.SECONDARY_EXEC_ENABLE_EPT)(vm);
        vm.set(F.EPT_POINTER, SPARE_PAGES | 0x1e);
      },
    });
    expect(guest.exits[0]).toMatchObject({ reason: 48, rip: 0 });
    expect(guest.vmx.vmread(F.GUEST_LINEAR_ADDRESS)).toBe(CODE);
  });

  it('the interrupt window opens one instruction after STI', () => {
    const [exit] = run({
      code: [...STI, ...NOP, ...NOP, ...HLT],
      prepare: (vm) => {
        vm.set(F.GUEST_RFLAGS, 2);
        withPrimary(C.CPU_BASED_INTR_WINDOW_EXITING)(vm);
      },
    }).exits;
    expect(exit).toMatchObject({ reason: 7, rip: 2 });
  });

  it('HLT under blocking by STI saves the blocking', () => {
    const guest = run({
      code: [...STI, ...HLT],
      prepare: (vm) => {
        vm.set(F.GUEST_RFLAGS, 2);
      },
    });
    expect(guest.exits[0]).toMatchObject({ reason: 12, rip: 1 });
    expect(guest.vmx.vmread(F.GUEST_INTERRUPTIBILITY_INFO)).toBe(1);
  });

  it('RDTSC adds the TSC offset', () => {
    const guest = run({
      code: [...RDTSC, ...HLT],
      prepare: (vm) => {
        withPrimary(C.CPU_BASED_USE_TSC_OFFSETTING)(vm);
        vm.set(F.TSC_OFFSET, 2 ** 40);
      },
    });
    expect(guest.cpu.gprLow(2)).toBe(256);
    expect(guest.cpu.long(CPU_TSC_OFFSET)).toBe(0);
  });

  it('RDTSC exiting and PAUSE exiting stop the fast paths of the interpreter', () => {
    const guest = run({
      code: [...RDTSC, ...PAUSE, ...HLT],
      prepare: withPrimary(C.CPU_BASED_RDTSC_EXITING | C.CPU_BASED_PAUSE_EXITING),
      onExit: (vm, { reason }) => {
        vm.skip();
        return reason !== 12;
      },
    });
    expect(guest.exits.map(({ reason }) => reason)).toEqual([16, 40, 12]);
  });

  it.each([
    ['exits at a PAUSE when the interval is within the gap', 1000, [40, 0]],
    ['never exits when a PAUSE takes longer than the gap', 10, [52, 0]],
  ])('PAUSE-loop exiting %s', (_name, gap, expected) => {
    const [exit] = run({
      code: [...PAUSE, 0xeb, 0xfc],
      prepare: (vm) => {
        withSecondary(C.SECONDARY_EXEC_PAUSE_LOOP_EXITING)(vm);
        vm.set(F.PLE_GAP, gap);
        vm.set(F.PLE_WINDOW, 4096);
        vm.setBits(F.PIN_BASED_VM_EXEC_CONTROL, C.PIN_BASED_VMX_PREEMPTION_TIMER);
        vm.set(F.VMX_PREEMPTION_TIMER_VALUE, 10_000);
      },
    }).exits;
    expect([exit.reason, exit.rip === 2 ? 0 : exit.rip]).toEqual(expected);
  });

  it('the preemption timer ends a spin loop that is parked, and HLT that does not exit', () => {
    for (const code of [SPIN, HLT]) {
      const guest = run({
        code,
        prepare: (vm) => {
          vm.set(F.CPU_BASED_VM_EXEC_CONTROL, vm.vmx.capabilities.primaryAllowed0);
          vm.setBits(F.PIN_BASED_VM_EXEC_CONTROL, C.PIN_BASED_VMX_PREEMPTION_TIMER);
          vm.set(F.VMX_PREEMPTION_TIMER_VALUE, 1000);
        },
      });
      expect(guest.exits[0]).toMatchObject({ reason: 52 });
      const cycles = guest.cpu.now / TICKS_PER_CYCLE;
      expect(cycles).toBeGreaterThan(32_000);
      expect(cycles).toBeLessThan(40_000);
    }
  });

  it('a physical interrupt ends HLT with exit 1 behind the HLT, activity state HLT', () => {
    const guest = new VmxGuest({
      code: HLT,
      prepare: (vm) => {
        vm.set(F.CPU_BASED_VM_EXEC_CONTROL, vm.vmx.capabilities.primaryAllowed0);
      },
    });
    guest.cpu.apic.writeRegister(0xf0, 0x1ff);
    guest.clock.schedule(1_000_000, 0, (at) => {
      guest.cpu.apic.accept(0x51, false);
      guest.cpu.wake(at);
    });
    guest.run();
    expect(guest.exits[0]).toMatchObject({ reason: 1, rip: 1, information: 0x8000_0051 });
    expect(guest.vmx.vmread(F.GUEST_ACTIVITY_STATE)).toBe(1);
  });

  it.each([false, true])('HLT behind STI exits at the HLT, with blocking by STI; observed: %s', (observed) => {
    const guest = new VmxGuest({ code: [...STI, ...HLT] });
    if (observed) guest.cpu.memory.u32[ORDER_STEPPED >>> 2] = 1;
    guest.run();
    expect(guest.exits[0]).toMatchObject({ reason: 12, rip: 1, length: 1 });
    const fields = [
      F.GUEST_INTERRUPTIBILITY_INFO,
      F.GUEST_ACTIVITY_STATE,
      F.VMX_INSTRUCTION_INFO,
      F.EXIT_QUALIFICATION,
    ];
    expect(fields.map((field) => guest.vmx.vmread(field))).toEqual([1, 0, 0, 0]);
    expect(guest.cpu.shadow).toBe(0);
  });

  it('20: an APIC-access exit knows page offset, kind of access and instruction length', () => {
    const guest = run({
      code: load(SPARE_PAGES + 0x80),
      prepare: (vm) => {
        withSecondary(C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES)(vm);
        vm.set(F.APIC_ACCESS_ADDR, SPARE_PAGES);
      },
    });
    expect(guest.exits[0]).toMatchObject({ reason: 44, qualification: 0x80, rip: 0, length: 7 });
  });

  it('IN and OUT exit with port, size and direction', () => {
    const guest = run({
      code: [0xe4, 0x71, 0x66, 0xef],
      prepare: (vm) => {
        withPrimary(C.CPU_BASED_UNCOND_IO_EXITING)(vm);
        vm.cpu.setGprNumber(2, 0x3f8);
      },
      onExit: (vm, { rip }) => {
        vm.skip();
        return rip === 0;
      },
    });
    expect(guest.exits.map(({ reason, qualification }) => [reason, qualification])).toEqual([
      [30, (0x71 << 16) | 0x48],
      [30, (0x3f8 << 16) | 0x01],
    ]);
  });

  it('MOV from CR0 reads host-owned bits from the shadow', () => {
    const guest = run({
      code: [0x0f, 0x20, 0xc0, ...HLT],
      prepare: (vm) => {
        vm.set(F.CR0_GUEST_HOST_MASK, 0x20);
        vm.set(F.CR0_READ_SHADOW, 0);
      },
    });
    expect(guest.cpu.gprLow(0) & 0x20).toBe(0);
  });
});

describe('guest code under APIC virtualization', () => {
  const APIC = SPARE_PAGES;
  const VIRTUAL_APIC = SPARE_PAGES + 0x1000;
  const DESCRIPTOR = SPARE_PAGES + 0x2000;
  const NOTIFICATION = 0xf2;

  /** mov dword [apic + offset], imm32 */
  const write = (offset: number, value: number): number[] => [
    0xc7,
    0x04,
    0x25,
    ...dword(APIC + offset),
    ...dword(value),
  ];
  const dword = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 255);
  const WRITE_LENGTH = 11;

  /** Everything but IPI virtualization; HLT does not exit; the preemption timer ends what would last for ever. */
  function base(guest: VmxGuest): void {
    guest.setBits(F.PIN_BASED_VM_EXEC_CONTROL, C.PIN_BASED_POSTED_INTR | C.PIN_BASED_VMX_PREEMPTION_TIMER);
    guest.set(F.CPU_BASED_VM_EXEC_CONTROL, guest.vmx.capabilities.primaryAllowed0);
    guest.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_TPR_SHADOW);
    withSecondary(
      C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES |
        C.SECONDARY_EXEC_APIC_REGISTER_VIRT |
        C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY,
    )(guest);
    guest.set(F.APIC_ACCESS_ADDR, APIC);
    guest.set(F.VIRTUAL_APIC_PAGE_ADDR, VIRTUAL_APIC);
    guest.set(F.POSTED_INTR_DESC_ADDR, DESCRIPTOR);
    guest.set(F.POSTED_INTR_NV, NOTIFICATION);
    guest.set(F.VMX_PREEMPTION_TIMER_VALUE, 10_000);
    guest.set(F.GUEST_RFLAGS, 0x202);
    guest.cpu.apic.writeRegister(0xf0, 0x1ff);
  }

  const register = (guest: VmxGuest, offset: number): number => guest.cpu.memory.read32(VIRTUAL_APIC + offset);

  it('21: with APIC accesses virtualized alone a write to 300H is a fault-like exit 44', () => {
    const { exits } = run({
      code: write(0x300, 0x4020),
      prepare: (guest) => {
        withSecondary(C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES)(guest);
        guest.set(F.APIC_ACCESS_ADDR, APIC);
      },
    });
    expect(exits[0]).toMatchObject({ reason: 44, qualification: 0x1300, rip: 0, length: WRITE_LENGTH });
  });

  it('28: a write to 320H is a trap-like exit 56 and has updated the page', () => {
    const guest = run({ code: write(0x320, 0x1_0031), prepare: base });
    expect(guest.exits[0]).toMatchObject({ reason: 56, qualification: 0x320, rip: WRITE_LENGTH });
    expect(register(guest, 0x320)).toBe(0x1_0031);
  });

  it('29: a write to 310H keeps bits 31:24 and exits nowhere', () => {
    const guest = run({ code: [...write(0x310, 0x01ab_cdef), ...CPUID], prepare: base });
    expect(guest.exits[0]).toMatchObject({ reason: 10, rip: WRITE_LENGTH });
    expect(register(guest, 0x310)).toBe(0x0100_0000);
  });

  it('34: a self-IPI through 300H runs its handler without an exit', () => {
    const guest = run({
      code: [...write(0x300, 0x0004_4031), ...SPIN, ...CPUID],
      gates: [{ vector: 0x31, address: CODE + WRITE_LENGTH + SPIN.length, dpl: 0 }],
      prepare: base,
    });
    expect(guest.exits.map(({ reason, rip }) => [reason, rip])).toEqual([[10, WRITE_LENGTH + SPIN.length]]);
    expect(guest.vmx.vmread(F.GUEST_INTR_STATUS)).toBe(0x3100);
  });

  /** The guest halts; at a later time vector 31H is posted and the notification arrives. */
  function postedToHalted(handler: number[], virtualTpr = 0): VmxGuest {
    const guest = new VmxGuest({
      code: [...HLT, ...handler],
      gates: [{ vector: 0x31, address: CODE + HLT.length, dpl: 0 }],
      prepare: base,
    });
    const { memory } = guest.cpu;
    memory.write32(VIRTUAL_APIC + 0x80, virtualTpr);
    guest.clock.schedule(1_000_000, 0, (at) => {
      memory.write32(DESCRIPTOR + 4, 1 << 0x11);
      memory.write32(DESCRIPTOR + 32, 1);
      guest.cpu.apic.accept(NOTIFICATION, false);
      guest.cpu.wake(at);
    });
    return guest.run();
  }

  it('37, 43, 44: a notification wakes HLT and delivers the posted vector without an exit', () => {
    const guest = postedToHalted(CPUID);
    expect(guest.exits.map(({ reason, rip }) => [reason, rip])).toEqual([[10, 1]]);
    expect(guest.cpu.memory.read32(DESCRIPTOR + 4)).toBe(0);
    expect(guest.cpu.memory.read32(DESCRIPTOR + 32)).toBe(0);
    expect(guest.vmx.vmread(F.GUEST_INTR_STATUS)).toBe(0x3100);
    expect([register(guest, 0x110), register(guest, 0x0a0)]).toEqual([1 << 0x11, 0x30]);
    expect(guest.cpu.apic.requestsService).toBe(false);
  });

  it('43: a vector of a blocked class leaves the guest in HLT', () => {
    const guest = postedToHalted(CPUID, 0x30);
    expect(guest.exits[0]).toMatchObject({ reason: 52, rip: 1 });
    expect(guest.vmx.vmread(F.GUEST_ACTIVITY_STATE)).toBe(1);
    expect(guest.vmx.vmread(F.GUEST_INTR_STATUS)).toBe(0x31);
  });

  it('45: EOI after delivery clears SVI without an exit', () => {
    const guest = postedToHalted([...write(0x0b0, 0), ...CPUID]);
    expect(guest.exits.map(({ reason, rip }) => [reason, rip])).toEqual([[10, 1 + WRITE_LENGTH]]);
    expect(guest.vmx.vmread(F.GUEST_INTR_STATUS)).toBe(0);
    expect(register(guest, 0x110)).toBe(0);
  });
});
