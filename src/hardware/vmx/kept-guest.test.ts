import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SPARE_PAGES, VmxGuest } from '../../../test/support/vmx-guest.js';
import { bareMachine } from '../../../test/support/bare-machine.js';
import { KERNEL_CODE } from '../../guest/memory-map.js';
import { APIC_PPR, APIC_TPR } from '../apic/registers.js';
import type { Engine } from '../cpu/engine.js';
import { VECTOR_NMI } from '../cpu/exception-vector.js';
import { CPU_PLE_FIRST, CPU_RECOGNIZED, CPU_RVI, CPU_SVI } from '../cpu/layout.js';
import { PASS } from '../cpu/outcome.js';
import { RFLAGS_IF } from '../cpu/rflags.js';
import * as C from './controls.js';
import { INTR_INFO_VALID, NMI_INFORMATION } from './interruption-information.js';
import { VMCS_ENCODINGS } from './vmcs.js';
import { VMCS_FIELD as F } from './vmcs-field.js';

const VIRTUAL_APIC_PAGE = SPARE_PAGES;
const APIC_ACCESS_PAGE = SPARE_PAGES + 4096;

const CPUID = [0x0f, 0xa2];
const IRETQ = [0x48, 0xcf];
/** Of interrupts and NMIs. */
const HANDLER = [...CPUID, ...CPUID, ...IRETQ];
const VECTOR = 0x40;

// Each ends with an instruction that exits.
// prettier-ignore
const CODES: readonly (readonly number[])[] = [
  CPUID,
  [0x48, 0x83, 0xc0, 0x7f, ...CPUID],             // add rax, 127
  [0x50, ...CPUID],                               // push rax
  [0xfb, ...CPUID],                               // sti: CPUID exits with blocking by STI
  [0xfa, ...CPUID],                               // cli
  [0x31, 0xc0, 0x8e, 0xd8, ...CPUID],             // xor eax, eax; mov ds, eax
  [0xb8, 1, 4, 0, 0, 0x0f, 0x23, 0xf8, ...CPUID], // mov eax, 401h; mov dr7, rax
  [0xf3, 0x90, ...CPUID],                         // pause
];
const ADD = 1;
const STI = 3;
const DS = 5;
const DR7 = 6;

// What root software does before it enters again.
const ACTS: readonly ((guest: VmxGuest) => void)[] = [
  () => undefined,
  (guest) => guest.set(F.GUEST_RFLAGS, guest.vmx.vmread(F.GUEST_RFLAGS) ^ 1),
  (guest) => guest.set(F.GUEST_INTR_STATUS, 0x20),
  (guest) => guest.set(F.GUEST_RSP, guest.vmx.vmread(F.GUEST_RSP) - 64),
  (guest) => guest.set(F.GUEST_DR7, 0x400),
  (guest) => guest.set(F.GUEST_DS_SELECTOR, 0x18),
  (guest) => guest.set(F.TSC_OFFSET, 5),
  (guest) => void guest.vmx.invept(1, 0),
  (guest) => guest.cpu.memory.write32(VIRTUAL_APIC_PAGE + APIC_TPR, 0x40),
  (guest) => guest.cpu.memory.write32(VIRTUAL_APIC_PAGE + APIC_TPR, 0),
  (guest) => guest.set(F.TPR_THRESHOLD, 3),
  (guest) => guest.set(F.GUEST_RFLAGS, guest.vmx.vmread(F.GUEST_RFLAGS) | RFLAGS_IF),
  toggleWindow,
  (guest) => {
    inject(guest, INTR_INFO_VALID + VECTOR);
  },
  (guest) => {
    inject(guest, NMI_INFORMATION);
  },
];
const NOTHING = 0;
const WRITES_RFLAGS = 1;
const FLUSHES = 7;
const TOGGLES_WINDOW = 12;
const INJECTS = 13;
const INJECTS_NMI = 14;

function toggleWindow(guest: VmxGuest): void {
  guest.set(
    F.CPU_BASED_VM_EXEC_CONTROL,
    guest.vmx.vmread(F.CPU_BASED_VM_EXEC_CONTROL) ^ C.CPU_BASED_INTR_WINDOW_EXITING,
  );
}

/** An event, where VM entry allows an external interrupt and an NMI. */
function inject(guest: VmxGuest, information: number): void {
  const isOpen = (guest.vmx.vmread(F.GUEST_RFLAGS) & RFLAGS_IF) !== 0;
  if (isOpen && guest.vmx.vmread(F.GUEST_INTERRUPTIBILITY_INFO) === 0) {
    guest.set(F.VM_ENTRY_INTR_INFO_FIELD, information);
  }
}

interface Run {
  /** VM entries that were the interpreter's. */
  readonly kept: number;
  /** What root software finds in the VMCS at each exit, and when; then what the guest and the meter have. */
  readonly seen: unknown;
}

/** `codes` with `acts` in between; without `keeps` all exits and entries are the host's. */
function run(codes: readonly number[], acts: readonly number[], keeps: boolean, prepare = delivering): Run {
  let kept = 0;
  const engine = (engine: Engine): Engine => ({
    ...engine,
    leaveGuest: (...exit) => (keeps ? engine.leaveGuest(...exit) : 0),
    resumeGuest: (block, vmcs) => {
      const outcome = keeps ? engine.resumeGuest(block, vmcs) : PASS;
      if (outcome !== PASS) kept++;
      return outcome;
    },
  });
  const instructions = [...codes.flatMap((index) => CODES[index]), ...CPUID];
  const code = { base: KERNEL_CODE, bytes: Uint8Array.from([...instructions, ...HANDLER]) };
  const address = KERNEL_CODE + instructions.length;
  const gates = [VECTOR, VECTOR_NMI].map((vector) => ({ vector, address, dpl: 0 as const }));
  const observer = { isWatching: true, engine, attach: () => undefined };
  const hardware = bareMachine({ code, gates, entries: [KERNEL_CODE], observer });
  const seen: number[][] = [];
  const { cpu } = new VmxGuest({
    code: [],
    on: { hardware, id: 0 },
    prepare,
    onExit: (guest) => {
      seen.push([guest.cpu.now, ...VMCS_ENCODINGS.map((encoding) => guest.vmx.vmread(encoding))]);
      guest.skip();
      ACTS[acts[guest.exits.length % acts.length]](guest);
      return guest.exits.length <= codes.length;
    },
  }).run();
  const words = [CPU_RVI, CPU_SVI, CPU_RECOGNIZED, CPU_PLE_FIRST].map((offset) => cpu.word(offset));
  return { kept, seen: [seen, words, cpu.memory.read32(VIRTUAL_APIC_PAGE + APIC_PPR), cpu.meter.counts] };
}

/** Controls as KVM sets them, but for EPT. */
function prepare(guest: VmxGuest, apicControl: number): void {
  guest.set(F.VIRTUAL_APIC_PAGE_ADDR, VIRTUAL_APIC_PAGE);
  guest.set(F.APIC_ACCESS_ADDR, APIC_ACCESS_PAGE);
  guest.set(F.VIRTUAL_PROCESSOR_ID, 1);
  guest.setBits(F.PIN_BASED_VM_EXEC_CONTROL, C.PIN_BASED_NMI_EXITING | C.PIN_BASED_VIRTUAL_NMIS);
  guest.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_TPR_SHADOW | C.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS);
  guest.set(
    F.SECONDARY_VM_EXEC_CONTROL,
    apicControl | C.SECONDARY_EXEC_ENABLE_VPID | C.SECONDARY_EXEC_PAUSE_LOOP_EXITING,
  );
  guest.setBits(F.VM_EXIT_CONTROLS, C.VM_EXIT_SAVE_DEBUG_CONTROLS);
  guest.setBits(F.VM_ENTRY_CONTROLS, C.VM_ENTRY_LOAD_DEBUG_CONTROLS);
}

/** With APICv. */
const delivering = (guest: VmxGuest): void => {
  prepare(guest, C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY);
};
/** Without: VM entry may come to a VM exit for the TPR threshold. */
const injecting = (guest: VmxGuest): void => {
  prepare(guest, C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES);
};

it.each([
  ['with virtual-interrupt delivery', delivering],
  ['without virtual-interrupt delivery', injecting],
])('a guest that stays in the CPU is left and entered with the same results as any other, %s', (_, controls) => {
  const steps = fc.array(fc.nat(CODES.length - 1), { minLength: 1, maxLength: 12 });
  const acts = fc.array(fc.nat(ACTS.length - 1), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(steps, acts, (codes, between) => {
      expect(run(codes, between, true, controls).seen).toEqual(run(codes, between, false, controls).seen);
    }),
    { numRuns: 30 },
  );
});

// prettier-ignore
it.each([
  ['stays where nothing but RIP changes',              NOTHING,        ADD, 5],
  ['is entered anew when its segments have changed',   NOTHING,        DS,  0],
  ['is entered anew when it has breakpoints',          NOTHING,        DR7, 0],
  ['stays when software has changed RFLAGS',           WRITES_RFLAGS,  ADD, 5],
  ['stays when it is to exit for an interrupt window', TOGGLES_WINDOW, ADD, 5],
  ['stays when an interrupt is injected',              INJECTS,        STI, 3],
  ['stays while NMIs are blocked',                     INJECTS_NMI,    STI, 1],
  ['is entered anew after INVEPT',                     FLUSHES,        ADD, 0],
])('a guest %s', (_, act, code, kept) => {
  expect(run(Array<number>(5).fill(code), [act], true).kept).toBe(kept);
});
