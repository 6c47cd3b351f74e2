import { describe, expect, it } from 'vitest';
import type { TraceRecording } from './recording.js';
import {
  entryAt,
  exitAt,
  POSTED_IPI,
  recordingOf,
  SOFTWARE_IPI,
  TICKS_PER_CYCLE,
  type Told,
} from './test-support/recordings.js';
import { buildTimeline } from './timeline-builder.js';
import { trackTitle, type Mark, type Timeline, type TimelineItem } from './timeline.js';

const timeline = (told: readonly Told[], more: Partial<TraceRecording> = {}): Timeline =>
  buildTimeline(recordingOf(told, more));

const isMark = (item: TimelineItem): item is Mark => item.kind === 'begin' || item.kind === 'instant';

/** Slices of a track, innermost last in each moment: [name, begin, end] in cycles. */
function slices({ items }: Timeline, title: string): [name: string, begin: number, end: number][] {
  const open: [string, number, number][] = [];
  const all: [string, number, number][] = [];
  for (const item of items.filter(({ track }) => trackTitle(track) === title)) {
    const cycles = item.at / TICKS_PER_CYCLE;
    if (item.kind === 'begin') {
      const slice: [string, number, number] = [item.name, cycles, -1];
      open.push(slice);
      all.push(slice);
    } else if (item.kind === 'end') {
      const slice = open.pop();
      if (slice === undefined) throw new Error('an end without a beginning');
      slice[2] = cycles;
    }
  }
  expect(open).toEqual([]);
  return all;
}

describe('the track of a vCPU', () => {
  it('is in the guest or in the exit of a reason', () => {
    const seen = timeline([
      exitAt(100, 0, 32, 'MSR_WRITE'),
      entryAt(300, 0),
      exitAt(700, 0, 12, 'HLT'),
      entryAt(900, 0),
    ]);
    expect(slices(seen, 'vCPU 0')).toEqual([
      ['guest', 100, 100],
      ['MSR_WRITE', 100, 300],
      ['guest', 300, 700],
      ['HLT', 700, 900],
      ['guest', 900, 900],
    ]);
  });

  it('begins outside the guest if it enters first', () => {
    const seen = timeline([[100, 1, { name: 'ipiv_wake' }], [200, 0, { name: 'ipiv_wake' }], entryAt(300, 0)]);
    expect(slices(seen, 'vCPU 0')).toEqual([
      ['root mode', 100, 300],
      ['guest', 300, 300],
    ]);
    expect(slices(seen, 'vCPU 1')).toEqual([['guest', 100, 300]]);
  });

  it('begins with what is left where earlier events are lost', () => {
    const seen = timeline(
      [
        [100, 0, { name: 'ipiv_wake' }],
        [200, 1, { name: 'ipiv_wake' }],
      ],
      { lost: [0, 1] },
    );
    expect(slices(seen, 'vCPU 1')).toEqual([['guest', 200, 200]]);
  });

  it('does not guess where a vCPU is when entries and exits are not recorded', () => {
    expect(slices(timeline(POSTED_IPI, { events: new Set(['ipiv_eoi']) }), 'vCPU 0')).toEqual([]);
  });

  it('sleeps in HLT until it wakes, or until an exit', () => {
    const halt: Told = [200, 0, { name: 'ipiv_halt', instruction: 'hlt' }];
    const woken = timeline([entryAt(100, 0), halt, [500, 0, { name: 'ipiv_wake' }], entryAt(600, 0)]);
    expect(slices(woken, 'vCPU 0')).toContainEqual(['hlt', 200, 500]);
    const exited = timeline([entryAt(100, 0), halt, exitAt(400, 0, 1, 'EXTERNAL_INTERRUPT'), entryAt(600, 0)]);
    expect(slices(exited, 'vCPU 0')).toContainEqual(['hlt', 200, 400]);
  });

  it('shows a thread that is scheduled out inside the exit', () => {
    const seen = timeline([
      exitAt(100, 0, 12, 'HLT'),
      [200, 0, { name: 'ipiv_sched_out', vcpu: 0 }],
      [800, 0, { name: 'ipiv_sched_in', vcpu: 0 }],
      entryAt(900, 0),
    ]);
    expect(slices(seen, 'vCPU 0')).toEqual(
      expect.arrayContaining([
        ['HLT', 100, 900],
        ['scheduled out', 200, 800],
      ]),
    );
  });
});

describe('other tracks', () => {
  it('show interrupts in service, nested', () => {
    const told: readonly Told[] = [
      [100, 1, { name: 'ipiv_delivery', vector: 0x20 }],
      [200, 1, { name: 'ipiv_delivery', vector: 0x41 }],
      [300, 1, { name: 'ipiv_eoi', vector: 0x41 }],
      [310, 1, { name: 'kvm_eoi', apicId: 1, vector: 0x41 }],
      [400, 1, { name: 'ipiv_eoi', vector: 0x20 }],
    ];
    expect(slices(timeline(told), 'vCPU 1 interrupts')).toEqual([
      ['vector 32', 100, 400],
      ['vector 65', 200, 300],
    ]);
  });

  it('show steps and instructions for the time that they took', () => {
    const told: readonly Told[] = [
      [500, 0, { name: 'ipiv_step', step: 'vm-exit', ticks: 400 * TICKS_PER_CYCLE }],
      [600, 0, { name: 'ipiv_step', step: 'exit-stub', ticks: 100 * TICKS_PER_CYCLE }],
      [650, 0, { name: 'ipiv_instruction', rip: 1, ticks: 50 * TICKS_PER_CYCLE, text: 'nop' }],
    ];
    expect(slices(timeline(told), 'vCPU 0 steps')).toEqual([
      ['vm-exit', 100, 500],
      ['exit-stub', 500, 600],
    ]);
    expect(slices(timeline(told), 'vCPU 0 instructions')).toEqual([['nop', 600, 650]]);
  });

  it('count exits, and requests of the vCPU whose descriptor it is', () => {
    const counted = (title: string): [number, number][] =>
      timeline(SOFTWARE_IPI).items.flatMap((item) =>
        item.kind === 'counter' && trackTitle(item.track) === title ? [[item.at / TICKS_PER_CYCLE, item.value]] : [],
      );
    expect(counted('vCPU 0 VM exits')).toEqual([[1600, 1]]);
    expect(counted('vCPU 1 requests in PIR')).toEqual([
      [2300, 1],
      [4000, 0],
    ]);
  });
});

/** Names of the marks that each flow passes, in order; `!` marks its end. */
function flows({ items }: Timeline): string[][] {
  const byId = new Map<number, string[]>();
  for (const { name, flows: ids, endingFlows } of items.filter(isMark)) {
    for (const id of ids) byId.set(id, [...(byId.get(id) ?? []), name]);
    for (const id of endingFlows) byId.set(id, [...(byId.get(id) ?? []), `${name}!`]);
  }
  return [...byId.values()];
}

describe('a flow', () => {
  it('goes from the ICR write through the descriptor to the EOI', () => {
    expect(flows(timeline(POSTED_IPI))).toEqual([
      ['ipiv_icr_write', 'ipiv_pir_set', 'ipiv_pi_processed', 'ipiv_delivery', 'ipiv_eoi!'],
    ]);
  });

  it('goes the same way through KVM', () => {
    expect(flows(timeline(SOFTWARE_IPI))).toEqual([
      ['ipiv_icr_write', 'kvm_apic_accept_irq', 'ipiv_pir_set', 'ipiv_pi_processed', 'ipiv_delivery', 'ipiv_eoi!'],
    ]);
  });

  it('begins with the exit where the processor cannot see what is written', () => {
    const told: readonly Told[] = [
      exitAt(100, 0, 44, 'APIC_ACCESS'),
      [150, 0, { name: 'kvm_apic_ipi', icr: 0x4020, destination: 1 }],
      [200, 0, { name: 'kvm_apic_accept_irq', apicId: 1, deliveryMode: 0, levelTriggered: false, vector: 32 }],
      [300, 1, { name: 'kvm_inj_virq', vector: 32, soft: false, reinjected: false }],
      [400, 1, { name: 'kvm_eoi', apicId: 1, vector: 32 }],
    ];
    expect(flows(timeline(told))).toEqual([['APIC_ACCESS', 'kvm_apic_accept_irq', 'kvm_inj_virq', 'kvm_eoi!']]);
  });

  it('begins with the hypercall where the guest sends by one', () => {
    const told: readonly Told[] = [
      exitAt(100, 0, 18, 'VMCALL'),
      [200, 0, { name: 'kvm_apic_accept_irq', apicId: 1, deliveryMode: 0, levelTriggered: false, vector: 32 }],
      [300, 1, { name: 'kvm_inj_virq', vector: 32, soft: false, reinjected: false }],
    ];
    expect(flows(timeline(told))).toEqual([['VMCALL', 'kvm_apic_accept_irq', 'kvm_inj_virq']]);
  });

  it('has nothing to do with timers', () => {
    const told: readonly Told[] = [
      exitAt(100, 1, 52, 'PREEMPTION_TIMER'),
      [200, 1, { name: 'kvm_apic_accept_irq', apicId: 1, deliveryMode: 0, levelTriggered: false, vector: 0xee }],
      [300, 1, { name: 'ipiv_delivery', vector: 0xee }],
    ];
    expect(flows(timeline(told))).toEqual([]);
  });

  it('of each IPI is one of its own', () => {
    const later = POSTED_IPI.map(([cycles, cpu, event]): Told => [cycles + 5000, cpu, event]);
    expect(flows(timeline([...POSTED_IPI, ...later]))).toHaveLength(2);
  });

  it('ends together with those that met it in the PIR', () => {
    const again: readonly Told[] = [
      [1100, 0, { name: 'ipiv_icr_write', icr: 0x1_0000_4020n, outcome: 'posted' }],
      [1100, 0, { name: 'ipiv_pir_set', descriptor: 0x1040, vector: 0x20, wasSet: true }],
    ];
    const both = flows(timeline([...POSTED_IPI.slice(0, 4), ...again, ...POSTED_IPI.slice(4)]));
    expect(both.map((names) => names.at(-1))).toEqual(['ipiv_eoi!', 'ipiv_eoi!']);
  });

  it('of a self-IPI stays on its vCPU', () => {
    const told: readonly Told[] = [
      [100, 1, { name: 'ipiv_icr_write', icr: 0x40031n, outcome: 'self' }],
      [200, 1, { name: 'ipiv_delivery', vector: 0x31 }],
      [300, 1, { name: 'ipiv_eoi', vector: 0x31 }],
    ];
    expect(flows(timeline(told))).toEqual([['ipiv_icr_write', 'ipiv_delivery', 'ipiv_eoi!']]);
  });
});
