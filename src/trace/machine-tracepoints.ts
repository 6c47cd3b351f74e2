/** The machine's own events, in the same manner as those of the kernel. */
import type { TraceEventName } from './event.js';
import type { TraceRecording } from './recording.js';
import { hex, type Tracepoint } from './tracepoint.js';

type MachineEventName = Extract<TraceEventName, `ipiv_${string}`>;

const PERCENT = 100;

/** vCPU of a descriptor; -1 for one that no VMCS names. */
function vcpuOf({ descriptors }: TraceRecording, descriptor: number): number {
  return descriptors.get(descriptor) ?? -1;
}

/** Cycles with two decimals, cut off as integer arithmetic does. */
function cycles({ ticksPerCycle }: TraceRecording, ticks: number): string {
  const hundredths = Math.floor(((ticks % ticksPerCycle) * PERCENT) / ticksPerCycle);
  return `${Math.floor(ticks / ticksPerCycle)}.${String(hundredths).padStart(2, '0')}`;
}

/** The parentheses are needed: libtraceevent takes operators of one rank from right to left. */
function printCycles({ ticksPerCycle }: TraceRecording): string {
  return `REC->ticks / ${ticksPerCycle}, ((REC->ticks % ${ticksPerCycle}) * ${PERCENT}) / ${ticksPerCycle}`;
}

/** An event that has a vector and nothing else. */
const vectorOnly: Tracepoint<'ipiv_delivery' | 'ipiv_eoi'> = {
  fields: [['u32', 'vec']],
  values: ({ vector }) => [vector],
  print: () => '"vec %u", REC->vec',
  text: ({ vector }) => `vec ${vector}`,
};

const vcpuOnly: Tracepoint<'ipiv_sched_out' | 'ipiv_sched_in'> = {
  fields: [['u32', 'vcpu_id']],
  values: ({ vcpu }) => [vcpu],
  print: () => '"vcpu %u", REC->vcpu_id',
  text: ({ vcpu }) => `vcpu ${vcpu}`,
};

/** By name. */
export const MACHINE_TRACEPOINTS: { readonly [Name in MachineEventName]: Tracepoint<Name> } = {
  ipiv_icr_write: {
    fields: [
      ['u64', 'icr'],
      ['text', 'outcome'],
    ],
    values: ({ icr, outcome }) => [icr, outcome],
    print: () => '"icr 0x%llx %s", REC->icr, REC->outcome',
    text: ({ icr, outcome }) => `icr 0x${hex(icr)} ${outcome}`,
  },
  ipiv_pir_set: {
    fields: [
      ['u64', 'descriptor'],
      ['s32', 'vcpu_id'],
      ['u32', 'vec'],
      ['bool', 'was_set'],
    ],
    values: ({ descriptor, vector, wasSet }, recording) => [
      ...[descriptor, vcpuOf(recording, descriptor), vector, wasSet],
    ],
    print: () => '"vcpu %d vec %u%s", REC->vcpu_id, REC->vec, REC->was_set ? " again" : ""',
    text: ({ descriptor, vector, wasSet }, recording) =>
      `vcpu ${vcpuOf(recording, descriptor)} vec ${vector}${wasSet ? ' again' : ''}`,
  },
  ipiv_pir_taken: {
    fields: [
      ['u64', 'descriptor'],
      ['s32', 'vcpu_id'],
    ],
    values: ({ descriptor }, recording) => [descriptor, vcpuOf(recording, descriptor)],
    print: () => '"vcpu %d", REC->vcpu_id',
    text: ({ descriptor }, recording) => `vcpu ${vcpuOf(recording, descriptor)}`,
  },
  ipiv_on: {
    fields: [
      ['u64', 'descriptor'],
      ['s32', 'vcpu_id'],
      ['bool', 'on'],
    ],
    values: ({ descriptor, on }, recording) => [descriptor, vcpuOf(recording, descriptor), on],
    print: () => '"vcpu %d on %u", REC->vcpu_id, REC->on',
    text: ({ descriptor, on }, recording) => `vcpu ${vcpuOf(recording, descriptor)} on ${on ? 1 : 0}`,
  },
  ipiv_ipi_sent: {
    fields: [
      ['u32', 'to'],
      ['u32', 'vec'],
    ],
    values: ({ to, vector }) => [to, vector],
    print: () => '"to cpu %u vec %u", REC->to, REC->vec',
    text: ({ to, vector }) => `to cpu ${to} vec ${vector}`,
  },
  ipiv_ipi_arrived: {
    fields: [
      ['u32', 'from'],
      ['u32', 'vec'],
    ],
    values: ({ from, vector }) => [from, vector],
    print: () => '"from cpu %u vec %u", REC->from, REC->vec',
    text: ({ from, vector }) => `from cpu ${from} vec ${vector}`,
  },
  ipiv_pi_processed: {
    fields: [['u32', 'rvi']],
    values: ({ rvi }) => [rvi],
    print: () => '"rvi %u", REC->rvi',
    text: ({ rvi }) => `rvi ${rvi}`,
  },
  ipiv_delivery: vectorOnly,
  ipiv_eoi: vectorOnly,
  ipiv_halt: {
    fields: [['text', 'instruction']],
    values: ({ instruction }) => [instruction],
    print: () => '"%s", REC->instruction',
    text: ({ instruction }) => instruction,
  },
  ipiv_wake: {
    fields: [['u8', 'activity']],
    values: () => [0],
    print: () => '"%s", REC->activity ? "" : "active"',
    text: () => 'active',
  },
  ipiv_sched_out: vcpuOnly,
  ipiv_sched_in: vcpuOnly,
  ipiv_step: {
    fields: [
      ['u64', 'ticks'],
      ['text', 'step'],
    ],
    values: ({ ticks, step }) => [ticks, step],
    print: (recording) => `"%s %llu.%02llu cycles", REC->step, ${printCycles(recording)}`,
    text: ({ step, ticks }, recording) => `${step} ${cycles(recording, ticks)} cycles`,
  },
  ipiv_instruction: {
    fields: [
      ['ulong', 'rip'],
      ['u64', 'ticks'],
      ['text', 'text'],
    ],
    values: ({ rip, ticks, text }) => [rip, ticks, text],
    print: (recording) => `"0x%lx %-40s %llu.%02llu cycles", REC->rip, REC->text, ${printCycles(recording)}`,
    text: ({ rip, text, ticks }, recording) => `0x${hex(rip)} ${text.padEnd(40)} ${cycles(recording, ticks)} cycles`,
  },
};
