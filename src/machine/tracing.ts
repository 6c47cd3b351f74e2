/**
 * Records the events of a machine. CPUs report to a sink that they do not have otherwise; steps come by way of the
 * meter, IPIs on their way from the interconnect, and single instructions from an interpreter that stops after each.
 */
import { STEP, STEP_NAMES, TICKS_PER_CYCLE } from '../cost/step.js';
import type { IpiFlight } from '../hardware/apic/bus.js';

import type { Cpu } from '../hardware/cpu/cpu.js';
import type { Engine } from '../hardware/cpu/engine.js';
import * as L from '../hardware/cpu/layout.js';
import { cpuOfBlock } from '../hardware/memory/physical-memory.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import type { TraceEventName } from '../trace/event.js';
import { TraceRecorder } from '../trace/recorder.js';
import type { TraceRecording } from '../trace/recording.js';
import type { Hardware } from './hardware.js';
import { Disassembler, InstructionLog } from './instruction-log.js';
import { TIMED_LOOP_BEGINS, TIMED_LOOP_ENDS } from './measurement.js';
import type { Observer } from './observer.js';

/** What to record. */
export interface TracingOptions {
  readonly events: ReadonlySet<TraceEventName>;
  /** vCPUs, which run on the CPUs of the same number; null = all. */
  readonly vcpus: ReadonlySet<number> | null;
  /** The last timed loop of the guest, or TSC cycles since the machine's reset, both ends included. */
  readonly time: 'timed-loop' | { readonly from: number; readonly to: number };
  /** Events kept per CPU: the last ones. */
  readonly limit: number;
}

/** Watches one machine for one run. */
export class Tracing implements Observer {
  readonly #options: TracingOptions;
  #recorder: TraceRecorder | null = null;
  #cpus: readonly Cpu[] = [];
  readonly #logs: (InstructionLog | undefined)[] = [];

  constructor(options: TracingOptions) {
    this.#options = options;
  }

  get isWatching(): boolean {
    return this.#options.events.has('ipiv_instruction');
  }

  engine(engine: Engine): Engine {
    if (!this.isWatching) return engine;
    return { ...engine, run: (block) => this.#run(engine, cpuOfBlock(block)) };
  }

  attach({ cpus, bus, meter }: Hardware): void {
    const { events, vcpus, time, limit } = this.#options;
    const [from, to] = time === 'timed-loop' ? [0, Infinity] : [time.from, time.to];
    const window = { from: from * TICKS_PER_CYCLE, to: (to + 1) * TICKS_PER_CYCLE - 1 };
    const recorder = new TraceRecorder(cpus.length, { events, cpus: vcpus, ...window, limit });
    this.#recorder = recorder;
    this.#cpus = cpus;
    const disassembler = new Disassembler();
    for (const cpu of cpus) {
      if (vcpus !== null && !vcpus.has(cpu.id)) continue;
      cpu.trace = (event) => {
        recorder.record(cpu.id, cpu.now, event);
      };
      if (!events.has('ipiv_instruction')) continue;
      this.#logs[cpu.id] = new InstructionLog(cpu, disassembler, (record) => {
        recorder.record(record.cpu, record.at, record.event);
      });
    }
    bus.onFlight = (flight) => {
      recordFlight(recorder, flight);
    };
    if (!events.has('ipiv_step') && !events.has('ipiv_instruction')) return;
    meter.onCharge = (cpu, step, ticks) => {
      // The flight does not pass on the sender's clock.
      if (step === STEP.IPI_FLIGHT) return;
      this.#logs[cpu]?.charged(step, ticks);
      recorder.record(cpu, cpus[cpu].now, { name: 'ipiv_step', step: STEP_NAMES[step], ticks });
    };
  }

  onMarker(cpu: Cpu, marker: number): void {
    if (this.#options.time !== 'timed-loop') return;
    if (marker === TIMED_LOOP_BEGINS) this.#recorder?.beginAt(cpu.now);
    else if (marker === TIMED_LOOP_ENDS) this.#recorder?.endAt(cpu.now);
  }

  /** Every CPU that is not idle is past the time to record, and so is the machine. */
  get isDone(): boolean {
    const { time } = this.#options;
    const end = time === 'timed-loop' ? Infinity : (time.to + 1) * TICKS_PER_CYCLE;
    const isPast = ({ now }: Cpu): boolean => now > end;
    return this.#cpus.some(isPast) && this.#cpus.every((cpu) => cpu.state >= L.PARKED || isPast(cpu));
  }

  /** What has been recorded, once the machine has come to its end, or is done. */
  recording(title: string, tscGHz: number): TraceRecording {
    return {
      records: this.#recorder?.records() ?? [],
      cpus: this.#cpus.length,
      events: this.#options.events,
      vcpus: this.#options.vcpus,
      lost: this.#recorder?.lost() ?? [],
      descriptors: new Map(this.#cpus.flatMap(descriptorOf)),
      tscGHz,
      ticksPerCycle: TICKS_PER_CYCLE,
      title,
    };
  }

  #run(engine: Engine, id: number): number {
    const log = this.#logs[id];
    const cpu = this.#cpus[id];
    if (log === undefined) return engine.run(cpu.block);
    const limit = cpu.long(L.CPU_LIMIT);
    for (;;) {
      log.before();
      cpu.setLong(L.CPU_LIMIT, Math.min(limit, cpu.now + 1));
      const stop = engine.run(cpu.block);
      log.after();
      if (stop !== L.STOP_LIMIT || cpu.now >= limit) return stop;
    }
  }
}

function recordFlight(recorder: TraceRecorder, { from, to, vector, sentAt, arrivesAt }: IpiFlight): void {
  recorder.record(from, sentAt, { name: 'ipiv_ipi_sent', to, vector });
  recorder.record(to, arrivesAt, { name: 'ipiv_ipi_arrived', from, vector });
}

/** The posted-interrupt descriptor that the CPU's VMCS names. */
function descriptorOf(cpu: Cpu): [descriptor: number, vcpu: number][] {
  if (cpu.rootSoftware === null) return [];
  const descriptor = cpu.vmx.vmread(VMCS_FIELD.POSTED_INTR_DESC_ADDR);
  return descriptor === 0 ? [] : [[descriptor, cpu.id]];
}
