import type { TraceEventName } from './event.js';

/** Every event, in the order in which lists show them. */
export const TRACE_EVENT_NAMES = [
  'kvm_entry',
  'kvm_exit',
  'kvm_apic',
  'kvm_apic_ipi',
  'kvm_apic_accept_irq',
  'kvm_apicv_accept_irq',
  'kvm_msr',
  'kvm_eoi',
  'kvm_inj_virq',
  'kvm_vcpu_wakeup',
  'kvm_apicv_inhibit_changed',
  'ipiv_icr_write',
  'ipiv_pir_set',
  'ipiv_pir_taken',
  'ipiv_on',
  'ipiv_ipi_sent',
  'ipiv_ipi_arrived',
  'ipiv_pi_processed',
  'ipiv_delivery',
  'ipiv_eoi',
  'ipiv_halt',
  'ipiv_wake',
  'ipiv_sched_out',
  'ipiv_sched_in',
  'ipiv_step',
  'ipiv_instruction',
] as const satisfies readonly TraceEventName[];

/** Events that come with every instruction or step: only on request. */
const PLENTIFUL: readonly TraceEventName[] = ['ipiv_step', 'ipiv_instruction'];

const startingWith = (prefix: string): TraceEventName[] =>
  TRACE_EVENT_NAMES.filter((name) => name.startsWith(prefix) && !PLENTIFUL.includes(name));

/** Names for several events at once. */
export const TRACE_EVENT_GROUPS: Readonly<Record<string, readonly TraceEventName[]>> = {
  kvm: startingWith('kvm_'),
  ipiv: startingWith('ipiv_'),
  steps: ['ipiv_step'],
  all: [...startingWith('kvm_'), ...startingWith('ipiv_'), 'ipiv_step'],
};

/** What is recorded unless somebody chooses. */
export const DEFAULT_EVENTS: readonly TraceEventName[] = [...TRACE_EVENT_GROUPS['kvm'], ...TRACE_EVENT_GROUPS['ipiv']];

/** The events that one word names, an event or a group; null for an unknown word. */
export function eventsNamed(word: string): readonly TraceEventName[] | null {
  const group = Object.hasOwn(TRACE_EVENT_GROUPS, word) ? TRACE_EVENT_GROUPS[word] : undefined;
  return (
    group ??
    TRACE_EVENT_NAMES.filter((name) => name === word)
      .map((name) => [name])
      .at(0) ??
    null
  );
}
