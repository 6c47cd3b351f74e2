/**
 * The VMX-preemption timer (SDM vol. 3, 26.5.1): it counts down when a bit of the TSC changes, in every activity state,
 * and causes a VM exit at the first boundary after it has reached 0.
 */
import { TICKS_PER_CYCLE } from '../../cost/step.js';
import type { Cpu } from '../cpu/cpu.js';
import { PREEMPTION_TIMER_RATE } from './capability.js';

const TSC_PER_COUNT = 2 ** PREEMPTION_TIMER_RATE;
/** Written by VM exits that come at or after the expiry. */
const EXPIRED_VALUE = 0;

export class PreemptionTimer {
  readonly #cpu: Cpu;
  /** TSC (without VMX offset) in units of the timer at which it reaches 0. */
  #deadline = 0;
  /** Tells events of earlier VM entries from those of the current one. */
  #generation = 0;
  #running = false;
  /** The next boundary exits. */
  expired = false;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  /** `hostOffset`: the TSC offset outside VMX non-root operation, in cycles. */
  start(value: number, hostOffset: number): void {
    const cpu = this.#cpu;
    this.#running = true;
    this.#deadline = this.#count(hostOffset) + value;
    const at = (this.#deadline * TSC_PER_COUNT - hostOffset) * TICKS_PER_CYCLE;
    this.expired = at <= cpu.now;
    if (this.expired) return;
    const generation = ++this.#generation;
    cpu.clock.schedule(at, cpu.id, (now) => {
      if (generation !== this.#generation) return;
      this.expired = true;
      cpu.takeBoundaries();
      cpu.wake(now);
    });
  }

  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    this.#generation++;
    this.expired = false;
  }

  /** What is left, for "save VMX-preemption timer value". */
  remaining(hostOffset: number): number {
    return Math.max(EXPIRED_VALUE, this.#deadline - this.#count(hostOffset));
  }

  #count(hostOffset: number): number {
    return Math.floor((Math.floor(this.#cpu.now / TICKS_PER_CYCLE) + hostOffset) / TSC_PER_COUNT);
  }
}
