/**
 * State of a virtual local APIC's timer: struct kvm_timer and the arithmetic around it (lapic.c: apic_update_lvtt,
 * set_target_expiration, update_target_expiration, advance_periodic_target_expiration, apic_get_tmcct). The timer
 * counts nanoseconds, divided. Which host timer it runs on is decided in apic-timer.ts.
 *
 * Left out: lapic_timer_advance_ns (the timer never fires early to make up for the cost of VM entry).
 */
import { TICKS_PER_CYCLE } from '../../cost/step.js';
import { MIN_TIMER_PERIOD_NS } from '../kvm-parameters.js';

/** Bits 18:17 of the timer's LVT entry. */
export const APIC_TIMER_ONE_SHOT = 0;
export const APIC_TIMER_PERIODIC = 1;
export const APIC_TIMER_TSC_DEADLINE = 2;

export class VcpuTimer {
  readonly #ticksPerNs: number;
  mode = APIC_TIMER_ONE_SHOT;
  /** 1, 2, 4 ... 128. */
  divideCount = 2;
  /** Initial count as time, ticks; 0 = stopped. */
  period = 0;
  /** When the count reaches 0, ticks of the host's clock. */
  target = 0;
  /** IA32_TSC_DEADLINE in TSC-deadline mode, guest TSC; else the target in host cycles. 0 = not armed. */
  deadline = 0;
  /** Expired, its interrupt not yet delivered to the APIC. */
  pending = false;
  /** It runs on the VMX preemption timer ... */
  onPreemptionTimer = false;
  /** ... or on a host timer. */
  onHostTimer = false;

  /** `tscGHz`: frequency of the host's TSC. */
  constructor(tscGHz: number) {
    this.#ticksPerNs = tscGHz * TICKS_PER_CYCLE;
  }

  get periodic(): boolean {
    return this.mode === APIC_TIMER_PERIODIC;
  }

  get usesDeadline(): boolean {
    return this.mode === APIC_TIMER_TSC_DEADLINE;
  }

  /** Bits 18:17 of a new LVT entry. True when a change to or from TSC-deadline mode has stopped the timer. */
  setMode(mode: number): boolean {
    const stops = (mode === APIC_TIMER_TSC_DEADLINE) !== this.usesDeadline;
    this.mode = mode;
    if (stops) this.period = this.deadline = 0;
    else this.period = this.#limited(this.period);
    return stops;
  }

  /** A new initial count, at time `now`: the target and period follow; false for 0. */
  start(initialCount: number, now: number): boolean {
    this.period = this.#periodOf(initialCount);
    this.deadline = 0;
    if (this.period === 0) return false;
    this.#aim(now + this.period);
    return true;
  }

  /** The divide configuration register was written; true when a running timer has a new target. */
  setDivide(configuration: number, initialCount: number, now: number): boolean {
    const count = divideCountOf(configuration);
    const old = this.divideCount;
    this.divideCount = count;
    if (count === old || this.period === 0) return false;
    const remaining = Math.max(0, this.target - now);
    this.period = this.#periodOf(initialCount);
    this.#aim(now + Math.floor((remaining / old) * count));
    return true;
  }

  /** A periodic timer has expired: its next target, never in the past of a whole period. */
  advancePeriod(now: number): void {
    this.#aim(Math.max(this.target + this.period, now));
  }

  /** Current count (offset 390H). */
  currentCount(initialCount: number, now: number): number {
    if (initialCount === 0 || this.period === 0) return 0;
    const remaining = Math.max(0, this.target - now) % this.period;
    return Math.floor(remaining / (this.#ticksPerNs * this.divideCount));
  }

  /** The expired timer's interrupt is on its way; one-shot timers are done. */
  delivered(): void {
    this.pending = false;
    if (this.periodic) return;
    this.deadline = 0;
    this.target = 0;
  }

  reset(): void {
    this.mode = APIC_TIMER_ONE_SHOT;
    this.divideCount = divideCountOf(0);
    this.period = 0;
    this.target = 0;
    this.deadline = 0;
    this.pending = false;
  }

  #periodOf(initialCount: number): number {
    return this.#limited(Math.floor(initialCount * this.divideCount * this.#ticksPerNs));
  }

  /** limit_periodic_timer_frequency: single shots and deadlines may be as near as they like. */
  #limited(period: number): number {
    if (!this.periodic || period === 0) return period;
    return Math.max(period, Math.floor(MIN_TIMER_PERIOD_NS * this.#ticksPerNs));
  }

  #aim(target: number): void {
    this.target = target;
    this.deadline = Math.ceil(target / TICKS_PER_CYCLE);
  }
}

/** update_divide_count: 0000 = 2, 0001 = 4, ... 1010 = 128, 1011 = 1. */
function divideCountOf(configuration: number): number {
  const exponent = ((configuration & 3) | ((configuration & 8) >>> 1)) + 1;
  return 1 << (exponent & 7);
}
