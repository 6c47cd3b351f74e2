/**
 * Watches a few iterations of the timed loop: every step with its time, every guest instruction by itself, IPIs and
 * cache lines on their way. It stands between the CPUs and the interpreter, which it lets execute one instruction at a
 * time meanwhile; a machine that is not observed has none of this. Results are the same either way.
 */
import { INSTRUCTION_CLASSES, STEP, STEP_NAMES, type StepName } from '../cost/step.js';
import type { IpiFlight } from '../hardware/apic/bus.js';
import type { Cpu } from '../hardware/cpu/cpu.js';
import type { Engine } from '../hardware/cpu/engine.js';
import * as L from '../hardware/cpu/layout.js';
import type { LineTransfer } from '../hardware/memory/lines.js';
import { cpuOfBlock, type PhysicalMemory } from '../hardware/memory/physical-memory.js';
import { COUNTED_STEPS } from './activity.js';
import type { Hardware } from './hardware.js';
import type { Observer } from './observer.js';

/** What a CPU does for a while: a step, plain guest instructions, or nothing (asleep, or spinning idly). */
export type Doing = StepName | 'guest-instructions' | 'idle';

/** An unbroken piece of one CPU's time. Times are ticks. */
export interface Span {
  readonly start: number;
  readonly ticks: number;
  readonly doing: Doing;
  /** Instructions retired with it. */
  readonly instructions: number;
  /** Linear address of the guest instruction that it belongs to; -1 in root mode and while nothing is executed. */
  readonly rip: number;
  /** Instructions in one pass of the spin loop that an idle CPU is parked in; 0 otherwise. */
  readonly loopLength: number;
}

/** An instruction has changed a line that its CPU took for writing. */
export interface LineStore {
  readonly cpu: number;
  readonly pa: number;
  /** When the instruction had completed. */
  readonly at: number;
}

/** Everything that was seen. */
export interface ObservedIterations {
  /** When each observed iteration began on CPU 0, and at the end when the next one did. */
  readonly starts: readonly number[];
  /** By CPU, in order of time, without gaps. */
  readonly spans: readonly (readonly Span[])[];
  readonly flights: readonly IpiFlight[];
  readonly transfers: readonly LineTransfer[];
  readonly stores: readonly LineStore[];
}

export interface ObservationOptions {
  /** Iterations before the first that is observed, untimed ones included. */
  readonly skip: number;
  readonly iterations: number;
  /** Nothing is looked at before, in ticks (default 0). */
  readonly notBefore?: number;
  /** Linear address where each iteration begins, of a guest that does not say. */
  readonly iteration?: number;
}

const SYSTEM_CLASS = INSTRUCTION_CLASSES.indexOf('system');
const WORDS_PER_LINE = 16;
const IDLE: Span = { start: 0, ticks: 0, doing: 'idle', instructions: 0, rip: -1, loopLength: 0 };

export class Observation implements Observer {
  readonly isWatching = true;
  readonly #options: ObservationOptions;
  #cpus: readonly Cpu[] = [];
  #logs: readonly SpanLog[] = [];
  #iteration = -1;
  #recording = false;
  #finished = false;
  /** Iterations begun so far, and how much CPU 0 had retired when the last one did. */
  #begun = 0;
  #begunAt = -1;
  readonly #starts: number[] = [];
  readonly #flights: IpiFlight[] = [];
  readonly #transfers: LineTransfer[] = [];
  readonly #stores: LineStore[] = [];

  constructor(options: ObservationOptions) {
    this.#options = options;
  }

  /** An interpreter that stops after every instruction while somebody looks. */
  engine(engine: Engine): Engine {
    const cpuOf = (block: number): Cpu => this.#cpus[cpuOfBlock(block)];
    return { ...engine, run: (block) => this.#run(engine, cpuOf(block)) };
  }

  /** Begins to watch a machine whose guest begins each iteration at linear address `iteration`. */
  attach({ cpus, bus, lines, meter }: Hardware, iteration: number): void {
    this.#cpus = cpus;
    this.#logs = cpus.map((cpu) => new SpanLog(cpu));
    this.#iteration = this.#options.iteration ?? iteration;
    meter.onCharge = (cpu, step, ticks) => {
      // The flight does not pass on the sender's clock; the bus tells of it.
      if (this.#recording && step !== STEP.IPI_FLIGHT) this.#logs[cpu].step(STEP_NAMES[step], ticks);
    };
    bus.onFlight = (flight) => {
      if (this.#recording) this.#flights.push(flight);
    };
    lines.onTransfer = (transfer) => {
      if (!this.#recording) return;
      this.#transfers.push(transfer);
      if (transfer.write) this.#logs.forEach((log, cpu) => log.lineTaken(transfer.pa, cpu === transfer.cpu));
    };
  }

  /** All that is to be observed has been. */
  get isDone(): boolean {
    return this.#finished;
  }

  /** What was seen, once the machine has come to its end. */
  observed(): ObservedIterations {
    return {
      starts: this.#starts,
      spans: this.#logs.map(({ spans }) => spans),
      flights: this.#flights,
      transfers: this.#transfers,
      stores: this.#stores,
    };
  }

  #run(engine: Engine, cpu: Cpu): number {
    if (this.#finished || !(this.#recording || cpu.id === 0)) return engine.run(cpu.block);
    const limit = cpu.long(L.CPU_LIMIT);
    const { notBefore = 0 } = this.#options;
    for (;;) {
      const now = cpu.now;
      if (cpu.id === 0 && now >= notBefore) this.#noteIteration(cpu, now);
      cpu.setLong(L.CPU_LIMIT, Math.min(limit, Math.max(now + 1, notBefore)));
      const stop = this.#recording ? this.#runObserved(engine, cpu) : engine.run(cpu.block);
      if (stop !== L.STOP_LIMIT || cpu.now >= limit) return stop;
    }
  }

  /** An instruction that has to be tried again begins its iteration once. */
  #noteIteration(cpu: Cpu, now: number): void {
    const retired = cpu.long(L.CPU_RETIRED);
    if (cpu.rip !== this.#iteration || retired === this.#begunAt) return;
    this.#begunAt = retired;
    this.#begun++;
    const index = this.#begun - 1 - this.#options.skip;
    if (index < 0) return;
    this.#starts.push(now);
    if (index === 0) for (const log of this.#logs) log.begin();
    this.#recording = index < this.#options.iterations;
    this.#finished = !this.#recording;
  }

  #runObserved(engine: Engine, cpu: Cpu): number {
    const log = this.#logs[cpu.id];
    log.beforeInstruction();
    const stop = engine.run(cpu.block);
    log.afterInstruction();
    const pa = log.changedLine();
    if (pa >= 0) this.#stores.push({ cpu: cpu.id, pa, at: cpu.now });
    return stop;
  }
}

/** The spans of one CPU. What lies between two of them is told from the CPU's counters. */
class SpanLog {
  readonly spans: Span[] = [];
  readonly #cpu: Cpu;
  readonly #memory: PhysicalMemory;
  #end = 0;
  #sleep = 0;
  #spin = 0;
  #retired = 0;
  #rip = -1;
  readonly #counts = COUNTED_STEPS.map(() => 0);
  /** Line taken for writing last, and its content; -1 = none. */
  #watched = -1;
  readonly #content = new Uint32Array(WORDS_PER_LINE);

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
    this.#memory = cpu.memory;
  }

  begin(): void {
    this.#end = Math.max(this.#cpu.now, this.#cpu.now);
    this.#noteIdle();
  }

  /** A step has been charged: it ends now. */
  step(doing: StepName, ticks: number): void {
    const { now } = this.#cpu;
    const rip = this.#cpu.nonRoot === null ? -1 : this.#cpu.rip;
    this.#fillGap(now - ticks);
    this.#push({ ...IDLE, start: now - ticks, ticks, doing, rip });
  }

  beforeInstruction(): void {
    const cpu = this.#cpu;
    this.#fillGap(cpu.now);
    this.#retired = cpu.long(L.CPU_RETIRED);
    this.#rip = cpu.rip;
    COUNTED_STEPS.forEach(([, counter], index) => {
      this.#counts[index] = cpu.long(counter);
    });
  }

  /** The named part of an instruction first, then what its class costs. */
  afterInstruction(): void {
    const cpu = this.#cpu;
    const end = cpu.now;
    const retired = cpu.long(L.CPU_RETIRED) - this.#retired;
    COUNTED_STEPS.forEach(([step, counter], index) => {
      const times = cpu.long(counter) - this.#counts[index];
      if (times <= 0) return;
      const start = this.#end;
      const ticks = Math.min(times * cpu.meter.table.stepTicks[step], end - start);
      const instructions = start + ticks === end ? retired : 0;
      this.#push({ ...IDLE, start, ticks, doing: STEP_NAMES[step], instructions, rip: this.#rip });
    });
    const start = this.#end;
    const ticks = end - start;
    const doing = 'guest-instructions';
    if (ticks > 0) this.#push({ ...IDLE, start, ticks, doing, instructions: retired, rip: this.#rip });
    // A pass that proves idle is counted as idle when it has been executed.
    this.#noteIdle();
  }

  /** A line has been taken for writing, by this CPU or another. */
  lineTaken(pa: number, byThis: boolean): void {
    if (!byThis && this.#watched === pa) this.#watched = -1;
    if (!byThis) return;
    this.#watched = pa;
    this.#content.set(this.#words());
  }

  /** The watched line if it has changed since this was asked last, or -1. */
  changedLine(): number {
    if (this.#watched < 0) return -1;
    const words = this.#words();
    if (this.#content.every((word, index) => word === words[index])) return -1;
    this.#content.set(words);
    return this.#watched;
  }

  #words(): Uint32Array {
    const first = (this.#memory.ram + this.#watched) >>> 2;
    return this.#memory.u32.subarray(first, first + WORDS_PER_LINE);
  }

  #noteIdle(): void {
    this.#sleep = this.#cpu.sleepTicks;
    this.#spin = this.#cpu.long(L.CPU_SPIN_TICKS);
  }

  /** Up to `start` the CPU was idle, or executed an instruction that the host completes and that has no step. */
  #fillGap(start: number): void {
    const cpu = this.#cpu;
    const spun = cpu.long(L.CPU_SPIN_TICKS) - this.#spin;
    const unaccounted = start - this.#end - spun - (cpu.sleepTicks - this.#sleep);
    this.#noteIdle();
    if (unaccounted === cpu.meter.table.classTicks[SYSTEM_CLASS]) {
      this.#push({
        ...IDLE,
        start: this.#end,
        ticks: unaccounted,
        doing: 'guest-instructions',
        instructions: 1,
        rip: this.#rip,
      });
    }
    const ticks = start - this.#end;
    const loopLength = spun > 0 ? cpu.long(L.CPU_PARK_N) : 0;
    if (ticks > 0) this.#push({ ...IDLE, start: this.#end, ticks, loopLength });
  }

  #push(span: Span): void {
    this.spans.push(span);
    this.#end = span.start + span.ticks;
  }
}
