import type { TraceEvent, TraceRecord } from '../event.js';
import { TRACE_EVENT_NAMES } from '../event-selection.js';
import type { TraceRecording } from '../recording.js';

export const TICKS_PER_CYCLE = 64;
/** Host-physical addresses of two descriptors. */
export const DESCRIPTORS: TraceRecording['descriptors'] = new Map([
  [0x1000, 0],
  [0x1040, 1],
]);

/** An event on a CPU at a time in TSC cycles. */
export type Told = readonly [cycles: number, cpu: number, event: TraceEvent];

/** A recording on two CPUs at 2 GHz. */
export function recordingOf(told: readonly Told[], overrides: Partial<TraceRecording> = {}): TraceRecording {
  const records = told.map(([cycles, cpu, event]): TraceRecord => ({ at: cycles * TICKS_PER_CYCLE, cpu, event }));
  return {
    records,
    cpus: 2,
    events: new Set(TRACE_EVENT_NAMES),
    vcpus: null,
    lost: [0, 0],
    descriptors: DESCRIPTORS,
    tscGHz: 2,
    ticksPerCycle: TICKS_PER_CYCLE,
    title: 'a test',
    ...overrides,
  };
}

export function exitAt(cycles: number, cpu: number, reason: number, reasonName: string, rip = 0x4013c8): Told {
  const event: TraceEvent = {
    ...{ name: 'kvm_exit', vcpu: cpu, reason, reasonName, failedEntry: false, rip },
    ...{ info1: 0, info2: 0, interruption: 0, errorCode: 0 },
  };
  return [cycles, cpu, event];
}

export function entryAt(cycles: number, cpu: number, rip = 0x4013c8): Told {
  return [cycles, cpu, { name: 'kvm_entry', vcpu: cpu, rip }];
}

/** One IPI from vCPU 0 to vCPU 1 that the hardware posts. */
export const POSTED_IPI: readonly Told[] = [
  [1000, 0, { name: 'ipiv_icr_write', icr: 0x1_0000_4020n, outcome: 'posted' }],
  [1000, 0, { name: 'ipiv_pir_set', descriptor: 0x1040, vector: 0x20, wasSet: false }],
  [1000, 0, { name: 'ipiv_on', descriptor: 0x1040, on: true }],
  [1000, 0, { name: 'ipiv_ipi_sent', to: 1, vector: 0xf2 }],
  [1500, 1, { name: 'ipiv_ipi_arrived', from: 0, vector: 0xf2 }],
  [2800, 1, { name: 'ipiv_on', descriptor: 0x1040, on: false }],
  [2800, 1, { name: 'ipiv_pir_taken', descriptor: 0x1040 }],
  [2800, 1, { name: 'ipiv_pi_processed', rvi: 0x20 }],
  [3200, 1, { name: 'ipiv_delivery', vector: 0x20 }],
  [4000, 1, { name: 'ipiv_eoi', vector: 0x20 }],
];

/** The same by way of KVM, in xAPIC mode. */
export const SOFTWARE_IPI: readonly Told[] = [
  [1000, 0, { name: 'ipiv_icr_write', icr: 0x1_0000_4020n, outcome: 'exit' }],
  exitAt(1600, 0, 56, 'APIC_WRITE'),
  [2000, 0, { name: 'kvm_apic', write: true, register: 0x300, value: 0x4020n }],
  [2100, 0, { name: 'kvm_apic_ipi', icr: 0x4020, destination: 1 }],
  [2200, 0, { name: 'kvm_apic_accept_irq', apicId: 1, deliveryMode: 0, levelTriggered: false, vector: 0x20 }],
  [2300, 0, { name: 'ipiv_pir_set', descriptor: 0x1040, vector: 0x20, wasSet: false }],
  [2300, 0, { name: 'ipiv_on', descriptor: 0x1040, on: true }],
  [2400, 0, { name: 'ipiv_ipi_sent', to: 1, vector: 0xf2 }],
  [2400, 0, { name: 'kvm_apicv_accept_irq', apicId: 1, deliveryMode: 0, levelTriggered: false, vector: 0x20 }],
  entryAt(2700, 0),
  [2900, 1, { name: 'ipiv_ipi_arrived', from: 0, vector: 0xf2 }],
  [4000, 1, { name: 'ipiv_on', descriptor: 0x1040, on: false }],
  [4000, 1, { name: 'ipiv_pir_taken', descriptor: 0x1040 }],
  [4000, 1, { name: 'ipiv_pi_processed', rvi: 0x20 }],
  [4400, 1, { name: 'ipiv_delivery', vector: 0x20 }],
  [5200, 1, { name: 'ipiv_eoi', vector: 0x20 }],
];
