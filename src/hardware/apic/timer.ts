/**
 * The local APIC's timer (SDM vol. 3, 12.5.4): one-shot, periodic and TSC-deadline mode, as events on the clock.
 *
 * The timer's input is a clock of `period` ticks per count before the divider; by default it runs with the TSC.
 * The TSC deadline is compared with the TSC of the clock, without IA32_TSC_ADJUST or VMX TSC offsetting.
 */
import { TICKS_PER_CYCLE } from '../../cost/step.js';
import type { Clock } from '../clock/clock.js';

export const TIMER_ONE_SHOT = 0;
export const TIMER_PERIODIC = 1;
export const TIMER_TSC_DEADLINE = 2;

/** Whose time the timer counts. */
export interface TimerOwner {
  readonly id: number;
  readonly now: number;
  readonly clock: Pick<Clock, 'schedule'>;
}

export class ApicTimer {
  readonly #owner: TimerOwner;
  readonly #expired: (at: number) => void;
  readonly #period: number;
  #mode = TIMER_ONE_SHOT;
  /** Divide configuration, bits 3, 1, 0. */
  #divide = 0;
  #initial = 0;
  #start = 0;
  #counting = false;
  #deadline = 0;
  /** Number of the arming that counts; events of earlier ones do nothing. */
  #arming = 0;

  constructor(owner: TimerOwner, expired: (at: number) => void, period: number = TICKS_PER_CYCLE) {
    this.#owner = owner;
    this.#expired = expired;
    this.#period = period;
  }

  get mode(): number {
    return this.#mode;
  }

  /** Bits 18:17 of the LVT timer register. Changing to or from TSC-deadline mode disarms. */
  setMode(mode: number): void {
    if (mode === this.#mode) return;
    if (mode === TIMER_TSC_DEADLINE || this.#mode === TIMER_TSC_DEADLINE) this.#disarm();
    this.#mode = mode;
  }

  get divide(): number {
    return this.#divide;
  }

  /** Writes the divide configuration; a running count goes on at the new pace. */
  setDivide(value: number): void {
    const remaining = this.currentCount;
    this.#divide = value & 0b1011;
    if (remaining > 0) this.#count(remaining);
  }

  get initialCount(): number {
    return this.#initial;
  }

  /** Writes the initial count: the timer starts, or stops for 0. Ignored in TSC-deadline mode. */
  setInitialCount(count: number): void {
    if (this.#mode === TIMER_TSC_DEADLINE) return;
    this.#disarm();
    this.#initial = count;
    if (count > 0) this.#count(count);
  }

  get currentCount(): number {
    if (!this.#counting) return 0;
    const passed = Math.floor((this.#owner.now - this.#start) / this.#ticksPerCount);
    if (this.#mode === TIMER_PERIODIC) return this.#initial - (passed % this.#initial);
    return Math.max(0, this.#initial - passed);
  }

  /** IA32_TSC_DEADLINE: 0 when disarmed or fired. */
  get deadline(): number {
    return this.#deadline;
  }

  /** Writes IA32_TSC_DEADLINE, in TSC cycles; 0 disarms. Ignored outside TSC-deadline mode. */
  setDeadline(tsc: number): void {
    if (this.#mode !== TIMER_TSC_DEADLINE) return;
    this.#disarm();
    this.#deadline = tsc;
    if (tsc > 0) this.#schedule(Math.max(tsc * TICKS_PER_CYCLE, this.#owner.now));
  }

  reset(): void {
    this.#disarm();
    this.#mode = TIMER_ONE_SHOT;
    this.#divide = 0;
  }

  /** 0000 = 2, 0001 = 4, ... 1010 = 128, 1011 = 1. */
  get #ticksPerCount(): number {
    const exponent = ((this.#divide & 8) >> 1) | (this.#divide & 3);
    return this.#period * (exponent === 7 ? 1 : 2 << exponent);
  }

  #disarm(): void {
    this.#arming++;
    this.#counting = false;
    this.#initial = 0;
    this.#deadline = 0;
  }

  /** Goes on from `remaining`, now. */
  #count(remaining: number): void {
    this.#counting = true;
    this.#start = this.#owner.now - (this.#initial - remaining) * this.#ticksPerCount;
    this.#schedule(this.#start + this.#initial * this.#ticksPerCount);
  }

  #schedule(at: number): void {
    const arming = ++this.#arming;
    this.#owner.clock.schedule(at, this.#owner.id, (time) => {
      if (arming === this.#arming) this.#expire(time);
    });
  }

  #expire(at: number): void {
    if (this.#mode === TIMER_PERIODIC) {
      this.#start = at;
      this.#schedule(at + this.#initial * this.#ticksPerCount);
    } else {
      this.#counting = false;
      this.#deadline = 0;
    }
    this.#expired(at);
  }
}
