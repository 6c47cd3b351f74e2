/**
 * VM entry looks only at what has been written since the last one. Two processors take the same VMWRITEs; one of them
 * executes VMPTRLD before every entry and so remembers nothing.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { VMCS_REGION, VmxProcessor, type ControlSet } from '../../../test/support/vmx-processor.js';
import { CPU_BLOCKS, MAXPHYADDR } from '../cpu/layout.js';
import type { VmxCapabilities } from './capability.js';
import {
  CPU_BASED_INTR_WINDOW_EXITING,
  CPU_BASED_NMI_WINDOW_EXITING,
  SECONDARY_EXEC_UNRESTRICTED_GUEST,
} from './controls.js';
import { EXIT_REASON_CPUID } from './exit-reason.js';
import {
  FIELD_TYPE_READ_ONLY,
  fieldType,
  fieldWidth,
  FIELD_WIDTH_16,
  FIELD_WIDTH_32,
  VMCS_FIELD,
} from './vmcs-field.js';
import type { VmxResult } from './vmx-unit.js';

const F = VMCS_FIELD;
const TWO_32 = 2 ** 32;
const RFLAGS_VM = 17;
/** Width of addresses of the memory of a VmxProcessor. */
const RAM_BITS = 16;
const CPUID_BYTES = 2;
/** Of a CPU's block: what comes before its bounce page. */
const STATE_BYTES = 4096;

/** Ends a VM exit for good when they are wrong, which is not about entry. */
const AREAS_OF_EXITS: readonly number[] = [F.VM_EXIT_MSR_STORE_COUNT, F.VM_EXIT_MSR_LOAD_COUNT];

interface Flip {
  readonly field: number;
  readonly bit: number;
}

/** Writes before an entry. What they have changed is put back for another one if `repairs`, or if the first has failed. */
interface Round {
  readonly flips: readonly Flip[];
  readonly repairs: boolean;
  /** The guest changes a system register, or only its RIP. */
  readonly changesState: boolean;
}

function isWritten(processor: VmxProcessor, field: number): boolean {
  const isWritable = fieldType(field) !== FIELD_TYPE_READ_ONLY && !AREAS_OF_EXITS.includes(field);
  return isWritable && processor.vmx.capabilities.supportsField(field);
}

const FIELDS = Object.values(F).filter((field) => isWritten(new VmxProcessor(), field));

function widthOf(field: number): number {
  return fieldWidth(field) === FIELD_WIDTH_16 ? 16 : fieldWidth(field) === FIELD_WIDTH_32 ? 32 : 64;
}

/** Bits of the control words that may be 0 as well as 1. */
const CONTROLS: readonly Flip[] = controlWords(new VmxProcessor().vmx.capabilities).flatMap(
  ([field, allowed0, allowed1]) =>
    Array.from({ length: 32 }, (_, bit) => ({ field, bit })).filter(
      ({ bit }) => ((allowed1 & ~allowed0) >>> bit) % 2 === 1,
    ),
);

function controlWords(may: VmxCapabilities): readonly (readonly [field: number, allowed0: number, allowed1: number])[] {
  return [
    [F.PIN_BASED_VM_EXEC_CONTROL, may.pinAllowed0, may.pinAllowed1],
    [F.CPU_BASED_VM_EXEC_CONTROL, may.primaryAllowed0, may.primaryAllowed1],
    [F.SECONDARY_VM_EXEC_CONTROL, 0, may.secondaryAllowed1],
    [F.VM_EXIT_CONTROLS, may.exitAllowed0, may.exitAllowed1],
    [F.VM_ENTRY_CONTROLS, may.entryAllowed0, may.entryAllowed1],
  ];
}

const window = fc.constantFrom(CPU_BASED_INTR_WINDOW_EXITING, CPU_BASED_NMI_WINDOW_EXITING);
const anyBit = fc.record({ field: fc.constantFrom(...FIELDS), bit: fc.nat(63) });
const flip: fc.Arbitrary<Flip> = fc.oneof(
  window.map((bits) => ({ field: F.CPU_BASED_VM_EXEC_CONTROL, bit: 31 - Math.clz32(bits) })),
  fc.constantFrom(...CONTROLS),
  anyBit.map(({ field, bit }) => ({ field, bit: bit % widthOf(field) })),
);
/** Not entries to virtual-8086 mode, nor a virtual-APIC page where there is no memory. */
function isModelled({ field, bit }: Flip): boolean {
  if (field === F.VIRTUAL_APIC_PAGE_ADDR) return bit < RAM_BITS || bit >= MAXPHYADDR;
  return field !== F.GUEST_RFLAGS || bit !== RFLAGS_VM;
}

const round: fc.Arbitrary<Round> = fc.record({
  flips: fc.array(flip.filter(isModelled), { maxLength: 3 }),
  repairs: fc.boolean(),
  changesState: fc.boolean(),
});

function flipBit({ vmx }: VmxProcessor, { field, bit }: Flip): void {
  const value = vmx.vmread64(field);
  vmx.vmwrite64(field, value ^ (1n << BigInt(bit)));
}

interface Entry {
  readonly result: VmxResult;
  readonly runs: boolean;
  readonly rule: string | null;
  readonly entered: unknown;
  /** The VMCS after the exit. */
  readonly region: string;
}

/** Enters the guest and, if it runs, comes back by CPUID. */
function enterAndExit(processor: VmxProcessor, changesState: boolean): Entry {
  const { cpu, vmx, memory } = processor;
  const result = processor.enter();
  const entered = observe(processor);
  const runs = cpu.nonRoot !== null;
  if (runs) {
    cpu.rip += changesState ? 0 : 16;
    if (changesState) {
      cpu.cr3 = (cpu.cr3 + 4096) % TWO_32;
      cpu.systemStateChanged = true;
    }
    cpu.nonRoot?.intercept(EXIT_REASON_CPUID, 0, CPUID_BYTES);
  }
  const region = textOf(memory.bytes(VMCS_REGION, 4096));
  return { result, runs, rule: vmx.brokenRule, entered, region };
}

/** What the processor holds after an entry. */
function observe({ cpu, vmx, memory }: VmxProcessor): unknown {
  const { cr0, cr3, cr4, eferLow, rflags, rip, shadow, activity, segments, gdtr, idtr, msrs, dr } = cpu;
  const registers = { cr0, cr3, cr4, eferLow, rflags, rip, shadow, activity };
  const tables = [...segments, gdtr, idtr].map(({ base, limit }) => [base, limit]);
  const { injected, debugExceptions } = cpu;
  const events = { injected, pending: debugExceptions.pending, dr7: dr.control };
  const block = textOf(memory.u8.subarray(CPU_BLOCKS, CPU_BLOCKS + STATE_BYTES));
  return {
    registers,
    tables,
    msrs: Object.entries(msrs),
    events,
    controls: Object.entries(vmx.nonRoot.controls),
    block,
  };
}

/** Strings are quick to compare. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** Some fields have values that single controls forbid or make use of. */
function startingPoint(controls: ControlSet): VmxProcessor {
  const processor = new VmxProcessor({ controls });
  processor.set(F.TSC_OFFSET, 4096);
  processor.set(F.GUEST_IA32_PAT, 2);
  if (controls === 'plain') return processor;
  processor.setBits(F.SECONDARY_VM_EXEC_CONTROL, SECONDARY_EXEC_UNRESTRICTED_GUEST);
  processor.set(F.GUEST_SS_SELECTOR, 0x1b);
  return processor;
}

function runRounds(controls: ControlSet, rounds: readonly Round[], forgets: boolean): Entry[] {
  const processor = startingPoint(controls);
  const enter = (changesState: boolean): Entry => {
    if (forgets) processor.vmx.vmptrld(VMCS_REGION);
    return enterAndExit(processor, changesState);
  };
  enter(false);
  return rounds.flatMap(({ flips, repairs, changesState }) => {
    for (const each of flips) flipBit(processor, each);
    const first = enter(changesState);
    if (first.runs && !repairs) return [first];
    for (const each of flips) flipBit(processor, each);
    return [first, enter(changesState)];
  });
}

it('does what an entry that checks and loads everything does', () => {
  const sets = fc.constantFrom<ControlSet>('plain', 'base', 'ipiv');
  fc.assert(
    fc.property(sets, fc.array(round, { minLength: 1, maxLength: 8 }), (controls, rounds) => {
      expect(runRounds(controls, rounds, false)).toEqual(runRounds(controls, rounds, true));
    }),
  );
});
