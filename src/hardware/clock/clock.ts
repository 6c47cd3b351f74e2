/**
 * Simulated time: each CPU's clock, the ordered event queue, and the choice of who goes next.
 *
 * The order. Acts (anything another CPU can see) happen in order of (time, CPU id); events come before acts of the
 * same time. Between its acts a CPU may run ahead of the others by up to `quantum` ticks, which must not exceed the
 * smallest latency of the case: then nothing that the others still do can reach it in what it has run already. A CPU
 * that waits to act lends the others nothing. Results do not depend on the quantum.
 *
 * The interpreter keeps the order (src/interpreter/order.ts), because most of what CPUs wait for is each other's cache
 * lines and interrupts: it lets one after the other run and comes back for events, and for CPUs that need the host. Fixed
 * interrupts on their way to a CPU are events of its own (src/interpreter/events.ts); the host's are here.
 */
import type { Engine } from '../cpu/engine.js';
import {
  CPU_HOST_TURN,
  CPU_STATE,
  EVENT_DUE,
  NOBODY,
  ORDER_EVENT_NUMBER,
  ORDER_HORIZON_TIME,
  ORDER_LIMIT,
  ORDER_NEXT_EVENT,
  ORDER_QUANTUM,
  RUNNING,
} from '../cpu/layout.js';
import type { PhysicalMemory } from '../memory/physical-memory.js';
import { EventQueue } from './event-queue.js';

/** What the clock needs of a CPU. The rest is in its state block. */
export interface Timed {
  /** Also the number of its state block. */
  readonly id: number;
  readonly block: number;
  /**
   * Does what only the host can do. Returns when the interpreter can go on alone (CPU_HOST_TURN is 0 then), at the
   * clock's limit, or when the CPU must wait or sleeps.
   */
  run(): void;
}

/** Begins with whoever is next in order. */
const ANYBODY = -1;

/** Target of events that concern every CPU. */
export const ALL_CPUS = -1;

export class Clock {
  /** Run-ahead in ticks, 0 to the smallest latency of the case. */
  readonly quantum: number;
  readonly #memory: PhysicalMemory;
  readonly #engine: Engine;
  readonly #cpus: Timed[] = [];
  readonly #events = new EventQueue();
  #stopped = false;

  constructor(memory: PhysicalMemory, engine: Engine, quantum: number) {
    this.quantum = quantum;
    this.#memory = memory;
    this.#engine = engine;
    memory.f64[ORDER_QUANTUM >>> 3] = quantum;
    memory.f64[ORDER_LIMIT >>> 3] = Infinity;
    memory.f64[ORDER_HORIZON_TIME >>> 3] = Infinity;
    this.#noteNextEvent();
  }

  /** The CPU takes part in the order from now on. */
  add(cpu: Timed): void {
    this.#cpus[cpu.id] = cpu;
    this.#memory.u32[(cpu.block + CPU_STATE) >>> 2] = RUNNING;
  }

  /** Runs `action` at time `at` for CPU `target` (or ALL_CPUS), once no CPU is behind. */
  schedule(at: number, target: number, action: (at: number) => void): void {
    const { f64 } = this.#memory;
    const number = f64[ORDER_EVENT_NUMBER >>> 3];
    f64[ORDER_EVENT_NUMBER >>> 3] = number + 1;
    this.#events.push(at, number, target, action);
    this.#noteNextEvent();
    if (at < this.limit) f64[ORDER_LIMIT >>> 3] = at;
  }

  #noteNextEvent(): void {
    this.#engine.noteHostEvent(this.#events.nextAt, this.#events.nextNumber);
  }

  get #nextEvent(): number {
    return this.#memory.f64[ORDER_NEXT_EVENT >>> 3];
  }

  /** True when something precedes the CPU at its time: it must not act yet. */
  mustWait(cpu: { readonly block: number; readonly now: number }): boolean {
    const { f64 } = this.#memory;
    const { now } = cpu;
    // As a rule this CPU is ahead of all, which is seen without asking.
    if (now < f64[ORDER_NEXT_EVENT >>> 3] && now < f64[ORDER_HORIZON_TIME >>> 3]) return false;
    return this.#engine.mustWait(cpu.block) !== 0;
  }

  /** True when an event precedes cpu.now: enough for what no other CPU can see. */
  mustWaitForEvent(cpu: { readonly now: number }): boolean {
    return this.#nextEvent <= cpu.now;
  }

  /** A CPU (re)enters the order at its time. */
  activate(cpu: { readonly block: number }): void {
    this.#engine.activate(cpu.block);
  }

  /** How far the CPU that is running may go; what it does itself (an IPI, a wake-up, a timer) can bring this nearer. */
  get limit(): number {
    return this.#memory.f64[ORDER_LIMIT >>> 3];
  }

  /** True while an event is to come. */
  get hasEvents(): boolean {
    return this.#nextEvent !== Infinity;
  }

  /** Ends `run` after the current step: the CPU that is running goes no further. */
  stop(): void {
    this.#stopped = true;
    this.#memory.f64[ORDER_LIMIT >>> 3] = 0;
  }

  /** Runs until `stop`, or until nobody can ever go on; returns whether it was stopped. */
  run(): boolean {
    this.#stopped = false;
    let current = ANYBODY;
    while (current !== NOBODY) current = this.#advance(current);
    return this.#stopped;
  }

  /** Lets CPUs run, beginning with `current`, up to one event or need of the host; returns with whom to go on. */
  #advance(current: number): number {
    const next = this.#engine.advance(current);
    if (next === NOBODY) return NOBODY;
    let goesOn = ANYBODY;
    if (next === EVENT_DUE) this.#handleEvent();
    else if (this.#runHost(this.#cpus[next])) goesOn = next;
    return this.#stopped ? NOBODY : goesOn;
  }

  /** True when the interpreter can go on with the same CPU. */
  #runHost(cpu: Timed): boolean {
    cpu.run();
    const { u32 } = this.#memory;
    return u32[(cpu.block + CPU_STATE) >>> 2] === RUNNING && u32[(cpu.block + CPU_HOST_TURN) >>> 2] === 0;
  }

  #handleEvent(): void {
    const events = this.#events;
    const at = events.nextAt;
    if (this.#engine.settleForEvent(events.nextTarget, at) !== 0) return;
    const action = events.pop();
    this.#noteNextEvent();
    action(at);
  }
}
