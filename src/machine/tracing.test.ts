import { describe, expect, it } from 'vitest';
import { machineInputs, machineOptions, type CaseOptions } from '../../test/support/whole-machine.js';
import { TICKS_PER_CYCLE } from '../cost/step.js';
import type { TraceEvent, TraceEventName, TraceRecord } from '../trace/event.js';
import { DEFAULT_EVENTS } from '../trace/event-selection.js';
import { runMachine } from './machine.js';
import { Tracing, type TracingOptions } from './tracing.js';

const CASES: readonly CaseOptions[] = [
  { apicMode: 'xapic' },
  { apicMode: 'x2apic', ipiv: true },
  { apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'pause', kvm: { pleGap: 1000 } },
  { apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'hlt', kvm: { haltPollNs: 0 } },
  { apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'hlt-passthrough' },
  { apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'mwait-passthrough' },
  { apicMode: 'xapic', kvm: { enableApicv: false } },
];

function tracing(options: Partial<TracingOptions> = {}): Tracing {
  const events = new Set<TraceEventName>(DEFAULT_EVENTS);
  return new Tracing({ events, vcpus: null, time: 'timed-loop', limit: 10_000, ...options });
}

function traced(options: CaseOptions, filters: Partial<TracingOptions> = {}): readonly TraceRecord[] {
  const watching = tracing(filters);
  runMachine(machineOptions({ iterations: 4, ...options }), machineInputs(), watching);
  return watching.recording('a test', 2).records;
}

function namesOn(cpu: number, records: readonly TraceRecord[]): TraceEventName[] {
  return records.filter((record) => record.cpu === cpu).map(({ event }) => event.name);
}

function named<Name extends TraceEventName>(
  name: Name,
  records: readonly TraceRecord[],
): Extract<TraceEvent, { name: Name }>[] {
  return records
    .map(({ event }) => event)
    .filter((event): event is Extract<TraceEvent, { name: Name }> => event.name === name);
}

describe('a traced run', () => {
  it('has the same trace however far CPUs run ahead of each other', () => {
    const texts = [0, 0.5, 1].map((lookaheadShare) => {
      const watching = tracing();
      const options = machineOptions({ apicMode: 'x2apic', apHaltPolicy: 'hlt', ipiv: true });
      runMachine(options, machineInputs({ lookaheadShare }), watching);
      return watching.recording('a test', 2).records;
    });
    expect(texts[1]).toEqual(texts[0]);
    expect(texts[2]).toEqual(texts[0]);
  });
});

/** What one IPI leaves on the sender between its ICR write and the next one. */
function senderEvents(options: CaseOptions): TraceEventName[] {
  const events = namesOn(0, traced(options));
  const first = events.indexOf('ipiv_icr_write');
  return events.slice(first, events.indexOf('ipiv_icr_write', first + 1));
}

const SOFTWARE_POST = ['kvm_apic_accept_irq', 'ipiv_pir_set', 'ipiv_on', 'ipiv_ipi_sent', 'kvm_apicv_accept_irq'];

describe('one IPI on the sender', () => {
  it('in xAPIC mode exits for the write, which KVM emulates before it sends', () => {
    expect(senderEvents({ apicMode: 'xapic' })).toEqual(
      ['ipiv_icr_write', 'kvm_exit', 'kvm_apic', 'kvm_apic_ipi', ...SOFTWARE_POST].concat('kvm_entry'),
    );
  });

  it('in x2APIC mode is sent in the fastpath before the register and the MSR are reported', () => {
    const expected = [
      'ipiv_icr_write',
      'kvm_exit',
      'kvm_apic_ipi',
      ...SOFTWARE_POST,
      'kvm_apic',
      'kvm_msr',
      'kvm_entry',
    ];
    expect(senderEvents({ apicMode: 'x2apic' })).toEqual(expected);
  });

  it.each(['xapic', 'x2apic'] as const)('with IPI virtualization in %s mode is invisible to the kernel', (apicMode) => {
    const expected = ['ipiv_icr_write', 'ipiv_pir_set', 'ipiv_on', 'ipiv_ipi_sent'];
    expect(senderEvents({ apicMode, ipiv: true })).toEqual(expected);
  });

  it('has the values that the guest wrote', () => {
    const records = traced({ apicMode: 'x2apic' });
    const [exit] = named('kvm_exit', records);
    expect(exit).toMatchObject({ vcpu: 0, reason: 32, reasonName: 'MSR_WRITE', failedEntry: false });
    expect(named('kvm_msr', records)[0]).toMatchObject({ write: true, msr: 0x830, value: 0x1_0000_4020n });
    expect(named('kvm_apic', records)[0]).toMatchObject({ write: true, register: 0x300, value: 0x1_0000_4020n });
    expect(named('kvm_apic_ipi', records)[0]).toMatchObject({ icr: 0x4020, destination: 1 });
  });
});

describe('one IPI on the target', () => {
  it('is processed, delivered and ended without an exit while the target spins', () => {
    const events = namesOn(1, traced({ apicMode: 'x2apic', ipiv: true }));
    const first = events.indexOf('ipiv_ipi_arrived');
    expect(events.slice(first, events.indexOf('ipiv_ipi_arrived', first + 1))).toEqual([
      ...['ipiv_ipi_arrived', 'ipiv_on', 'ipiv_pir_taken', 'ipiv_pi_processed', 'ipiv_delivery', 'ipiv_eoi'],
    ]);
  });

  it('wakes a core that sleeps in the guest', () => {
    const events = namesOn(1, traced({ apicMode: 'x2apic', ipiv: true, apHaltPolicy: 'hlt-passthrough' }));
    const halted = events.indexOf('ipiv_halt');
    expect(events.slice(halted).indexOf('ipiv_wake')).toBeLessThan(events.slice(halted).indexOf('ipiv_delivery'));
  });

  it('without APICv is injected, and its EOI exits', () => {
    const records = traced({ apicMode: 'xapic', kvm: { enableApicv: false } });
    expect(namesOn(1, records)).toEqual(expect.arrayContaining(['kvm_inj_virq', 'kvm_eoi']));
    expect(named('kvm_inj_virq', records)[0]).toMatchObject({ vector: 0x20, soft: false, reinjected: false });
    expect(named('kvm_eoi', records).every(({ vector }) => vector === 0x20)).toBe(true);
  });

  it('ends the polling of a halted vCPU', () => {
    const [wakeup] = named('kvm_vcpu_wakeup', traced({ apicMode: 'x2apic', apHaltPolicy: 'hlt' }));
    expect(wakeup).toMatchObject({ waited: false, valid: true });
  });

  it('wakes the thread of a vCPU that blocks', () => {
    const blocking = { workload: 'ipi-halt', apHaltPolicy: 'hlt', ipiv: true, kvm: { haltPollNs: 0 } } as const;
    const records = traced(blocking);
    expect(namesOn(1, records)).toEqual(expect.arrayContaining(['ipiv_sched_out', 'ipiv_sched_in']));
    expect(named('kvm_vcpu_wakeup', records).every(({ waited }) => waited)).toBe(true);
  });
});

describe('what is recorded', () => {
  it('is the timed loop: one ICR write per iteration', () => {
    expect(named('ipiv_icr_write', traced({ apicMode: 'x2apic', ipiv: true }))).toHaveLength(4);
  });

  it('can be bounded by time', () => {
    const whole = traced({ apicMode: 'x2apic' }, { time: { from: 0, to: Infinity } });
    const from = Math.floor(whole[10].at / TICKS_PER_CYCLE);
    const to = Math.floor(whole[20].at / TICKS_PER_CYCLE);
    const part = traced({ apicMode: 'x2apic' }, { time: { from, to } });
    expect(part[0].at).toBeGreaterThanOrEqual(from * TICKS_PER_CYCLE);
    expect(part).toEqual(
      whole.filter(({ at }) => Math.floor(at / TICKS_PER_CYCLE) >= from && Math.floor(at / TICKS_PER_CYCLE) <= to),
    );
  });

  it('can be one vCPU and one event', () => {
    const records = traced({ apicMode: 'x2apic' }, { vcpus: new Set([1]), events: new Set(['ipiv_eoi']) });
    expect(new Set(records.map(({ cpu, event }) => `${cpu} ${event.name}`))).toEqual(new Set(['1 ipiv_eoi']));
  });

  it('has every step that the run charged in the timed loop', () => {
    const options = machineOptions({ apicMode: 'xapic', iterations: 8 });
    const watching = tracing({ events: new Set(['ipiv_step']) });
    const result = runMachine(options, machineInputs(), watching);
    const exits = named('ipiv_step', watching.recording('a test', 2).records).filter(({ step }) => step === 'vm-exit');
    expect(exits.length).toBe(result.cpus[0].steps['vm-exit']?.count);
  });

  it('has guest instructions with the cycles of their steps', () => {
    const events = new Set<TraceEventName>(['ipiv_instruction', 'ipiv_step']);
    const records = traced({ apicMode: 'x2apic', ipiv: true }, { events, vcpus: new Set([0]) });
    const writes = named('ipiv_instruction', records).filter(({ text }) => text === 'wrmsr');
    expect(writes).toHaveLength(4);
    const steps = named('ipiv_step', records).filter(({ step }) => /^ipiv-/.test(step));
    const charged = steps.reduce((sum, { ticks }) => sum + ticks, 0);
    expect(writes.reduce((sum, { ticks }) => sum + ticks, 0)).toBeGreaterThanOrEqual(charged);
  });

  it('has instructions that follow each other without overlap', () => {
    for (const options of CASES) {
      for (const cpu of [0, 1]) {
        const filters = { events: new Set<TraceEventName>(['ipiv_instruction']), vcpus: new Set([cpu]) };
        let end = 0;
        for (const { at, event } of traced(options, filters)) {
          if (event.name !== 'ipiv_instruction') continue;
          expect(at - event.ticks).toBeGreaterThanOrEqual(end);
          expect(event.text).not.toBe('');
          expect(event.ticks).toBeGreaterThanOrEqual(0);
          end = at;
        }
      }
    }
  });
});
