/**
 * Simulated time: each CPU's clock, the ordered event queue, and the choice of who goes next.
 *
 * The order. Acts (anything another CPU can see) happen in order of (time, CPU id); events come before acts of the
 * same time. Between its acts a CPU may run ahead of the others by up to `quantum` ticks, which must not exceed the
 * smallest latency of the case: then nothing that the others still do can reach it in what it has run already. A CPU
 * that waits to act lends the others nothing. Results do not depend on the quantum.
 */
import { EventQueue } from './event-queue.js';

/** Executing: takes part in the order. */
export const RUNNING = 0;
/** Has charged its way to an act and waits until it is next. */
export const WAITING = 1;
/** Spins provably idle; it has no place in the order until a line is taken from it or an event comes. */
export const PARKED = 2;
/** Halted; an event wakes it. */
export const ASLEEP = 3;

export type RunState = typeof RUNNING | typeof WAITING | typeof PARKED | typeof ASLEEP;

/** What the clock needs of a CPU. */
export interface Timed {
  readonly id: number;
  /** This CPU's clock, in ticks. */
  now: number;
  state: RunState;
  /** Runs until `now >= limit`, or until it must wait, parks or sleeps. */
  run(limit: number): void;
  /** Accounts for the whole spin passes that start up to (at, byCpu), and leaves PARKED. See cpu/parking.ts. */
  unpark(at: number, byCpu: number): void;
}

/** Target of events that concern every CPU. */
export const ALL_CPUS = -1;

/** WebAssembly changes tiers only between calls, so a run never gets more than this at once. */
const LONGEST_RUN_TICKS = 1 << 23;

export class Clock {
  /** Run-ahead in ticks, 0 to the smallest latency of the case. */
  readonly quantum: number;
  readonly #cpus: Timed[] = [];
  readonly #events = new EventQueue();
  #horizonTime = Infinity;
  #horizonId = -1;
  #limit = Infinity;
  #stopped = false;

  constructor(quantum: number) {
    this.quantum = quantum;
  }

  add(cpu: Timed): void {
    this.#cpus.push(cpu);
  }

  /** Runs `action` at time `at` for CPU `target` (or ALL_CPUS), once no CPU is behind. */
  schedule(at: number, target: number, action: (at: number) => void): void {
    this.#events.push(at, target, action);
    if (at < this.#limit) this.#limit = at;
  }

  /** True when something precedes (cpu.now, cpu.id): the caller must not act yet. */
  mustWait(cpu: Timed): boolean {
    const { now } = cpu;
    if (this.#events.nextAt <= now) return true;
    return now > this.#horizonTime || (now === this.#horizonTime && cpu.id > this.#horizonId);
  }

  /** True when an event precedes cpu.now: enough for what no other CPU can see. */
  mustWaitForEvent(cpu: Timed): boolean {
    return this.#events.nextAt <= cpu.now;
  }

  /** A CPU (re)enters the order at `cpu.now`. */
  activate(cpu: Timed): void {
    cpu.state = RUNNING;
    this.#lowerHorizon(cpu);
    if (cpu.now + this.quantum < this.#limit) this.#limit = cpu.now + this.quantum;
  }

  /** How far the CPU that is running may go; what it does itself (an IPI, a wake-up, a timer) can bring this nearer. */
  get limit(): number {
    return this.#limit;
  }

  /** Settles a parked CPU before something at (at, byCpu) touches it. */
  settle(id: number, at: number, byCpu: number): void {
    const cpu = this.#cpus[id];
    if (cpu.state !== PARKED) return;
    cpu.unpark(at, byCpu);
    this.activate(cpu);
  }

  /** True while an event is to come. */
  get hasEvents(): boolean {
    return this.#events.nextAt !== Infinity;
  }

  /** Ends `run` after the current step: the CPU that is running goes no further. */
  stop(): void {
    this.#stopped = true;
    this.#limit = 0;
  }

  /** Runs until `stop`, or until nobody can ever go on; returns whether it was stopped. */
  run(): boolean {
    this.#stopped = false;
    let goesOn = true;
    while (goesOn) goesOn = this.#advance();
    return this.#stopped;
  }

  /** Handles the next event or lets the next CPU run; false when stopped or when there is neither. */
  #advance(): boolean {
    const cpu = this.#next();
    if (this.#events.nextAt <= (cpu === null ? Infinity : cpu.now)) {
      if (this.#events.nextAt === Infinity) return false;
      this.#handleEvent();
    } else if (cpu !== null) {
      cpu.state = RUNNING;
      this.#limit = this.#limitFor(cpu);
      cpu.run(this.#limit);
    }
    return !this.#stopped;
  }

  /** The first CPU in order; the horizon is set to the second. */
  #next(): Timed | null {
    let first: Timed | null = null;
    let second: Timed | null = null;
    for (const cpu of this.#cpus) {
      if (cpu.state >= PARKED) continue;
      if (first === null || cpu.now < first.now) {
        second = first;
        first = cpu;
      } else if (second === null || cpu.now < second.now) {
        second = cpu;
      }
    }
    this.#horizonTime = second === null ? Infinity : second.now;
    this.#horizonId = second === null ? -1 : second.id;
    return first;
  }

  #lowerHorizon(cpu: Timed): void {
    if (cpu.now > this.#horizonTime || (cpu.now === this.#horizonTime && cpu.id >= this.#horizonId)) return;
    this.#horizonTime = cpu.now;
    this.#horizonId = cpu.id;
  }

  #handleEvent(): void {
    const target = this.#events.nextTarget;
    const at = this.#events.nextAt;
    if (this.#settleForEvent(target, at)) return;
    this.#events.pop()(at);
  }

  /** Brings parked targets up to the event; true when one has to run first. */
  #settleForEvent(target: number, at: number): boolean {
    let behind = false;
    for (const cpu of this.#cpus) {
      if ((target !== ALL_CPUS && target !== cpu.id) || cpu.state !== PARKED) continue;
      cpu.unpark(at, Infinity);
      this.activate(cpu);
      behind ||= cpu.now < at;
    }
    return behind;
  }

  #limitFor(cpu: Timed): number {
    let limit = Math.min(cpu.now + LONGEST_RUN_TICKS, this.#events.nextAt);
    for (const other of this.#cpus) {
      if (other === cpu || other.state >= PARKED) continue;
      const lent = other.state === WAITING ? other.now : other.now + this.quantum;
      limit = Math.min(limit, cpu.id < other.id ? lent + 1 : lent);
    }
    return limit;
  }
}
