/**
 * The local APIC's timer (SDM vol. 3, 12.5.4): one-shot, periodic and TSC-deadline mode, as events on the clock.
 *
 * What counts stands in the CPU's block: software that polls the current count is answered by src/interpreter/apic-timer.ts.
 * The timer's input is a clock of `period` ticks per count before the divider; by default it runs with the TSC.
 * The TSC deadline is compared with the TSC of the clock, without IA32_TSC_ADJUST or VMX TSC offsetting.
 */
import { TICKS_PER_CYCLE } from '../../cost/step.js';
import type { Clock } from '../clock/clock.js';
import type { Engine } from '../cpu/engine.js';
import { CPU_APIC_REGISTERS, CPU_TIMER_MODE, CPU_TIMER_PACE, CPU_TIMER_START } from '../cpu/layout.js';
import type { PhysicalMemory } from '../memory/physical-memory.js';
import { APIC_DIVIDE, APIC_INITIAL_COUNT, TIMER_ONE_SHOT, TIMER_PERIODIC, TIMER_TSC_DEADLINE } from './registers.js';

/** Whose time the timer counts. */
export interface TimerOwner {
  readonly id: number;
  readonly now: number;
  readonly clock: Pick<Clock, 'schedule'>;
  readonly memory: PhysicalMemory;
  readonly engine: Engine;
  /** Address of the state block. */
  readonly block: number;
}

export class ApicTimer {
  readonly #owner: TimerOwner;
  readonly #expired: (at: number) => void;
  readonly #period: number;
  readonly #modeWord: Uint32Array;
  /** Divide configuration, bits 3, 1, 0. */
  readonly #divideWord: Uint32Array;
  readonly #initialWord: Uint32Array;
  readonly #startTime: Float64Array;
  /** Ticks per count; 0 = it does not count. */
  readonly #pace: Float64Array;
  #deadline = 0;
  /** Number of the arming that counts; events of earlier ones do nothing. */
  #arming = 0;

  constructor(owner: TimerOwner, expired: (at: number) => void, period: number = TICKS_PER_CYCLE) {
    this.#owner = owner;
    this.#expired = expired;
    this.#period = period;
    const { memory, block } = owner;
    const { buffer } = memory.wasm;
    this.#modeWord = new Uint32Array(buffer, block + CPU_TIMER_MODE, 1);
    this.#divideWord = new Uint32Array(buffer, block + CPU_APIC_REGISTERS + (APIC_DIVIDE >> 2), 1);
    this.#initialWord = new Uint32Array(buffer, block + CPU_APIC_REGISTERS + (APIC_INITIAL_COUNT >> 2), 1);
    this.#startTime = new Float64Array(buffer, block + CPU_TIMER_START, 1);
    this.#pace = new Float64Array(buffer, block + CPU_TIMER_PACE, 1);
  }

  get mode(): number {
    return this.#modeWord[0];
  }

  /** Bits 18:17 of the LVT timer register. Changing to or from TSC-deadline mode disarms. */
  setMode(mode: number): void {
    if (mode === this.mode) return;
    if (mode === TIMER_TSC_DEADLINE || this.mode === TIMER_TSC_DEADLINE) this.#disarm();
    this.#modeWord[0] = mode;
  }

  /** Writes the divide configuration; a running count goes on at the new pace. */
  setDivide(value: number): void {
    const remaining = this.currentCount;
    this.#divideWord[0] = value & 0b1011;
    if (remaining > 0) this.#count(remaining);
  }

  /** Writes the initial count: the timer starts, or stops for 0. Ignored in TSC-deadline mode. */
  setInitialCount(count: number): void {
    if (this.mode === TIMER_TSC_DEADLINE) return;
    this.#disarm();
    this.#initialWord[0] = count;
    if (count > 0) this.#count(count);
  }

  get currentCount(): number {
    const { engine, block, now } = this.#owner;
    return engine.currentCount(block, now) >>> 0;
  }

  /** IA32_TSC_DEADLINE: 0 when disarmed or fired. */
  get deadline(): number {
    return this.#deadline;
  }

  /** Writes IA32_TSC_DEADLINE, in TSC cycles; 0 disarms. Ignored outside TSC-deadline mode. */
  setDeadline(tsc: number): void {
    if (this.mode !== TIMER_TSC_DEADLINE) return;
    this.#disarm();
    this.#deadline = tsc;
    if (tsc > 0) this.#schedule(Math.max(tsc * TICKS_PER_CYCLE, this.#owner.now));
  }

  reset(): void {
    this.#disarm();
    this.#modeWord[0] = TIMER_ONE_SHOT;
    this.#divideWord[0] = 0;
  }

  /** 0000 = 2, 0001 = 4, ... 1010 = 128, 1011 = 1. */
  get #ticksPerCount(): number {
    const divide = this.#divideWord[0];
    const exponent = ((divide & 8) >> 1) | (divide & 3);
    return this.#period * (exponent === 7 ? 1 : 2 << exponent);
  }

  #disarm(): void {
    this.#arming++;
    this.#pace[0] = 0;
    this.#initialWord[0] = 0;
    this.#deadline = 0;
  }

  /** Goes on from `remaining`, now. */
  #count(remaining: number): void {
    const pace = this.#ticksPerCount;
    const initial = this.#initialWord[0];
    const start = this.#owner.now - (initial - remaining) * pace;
    this.#pace[0] = pace;
    this.#startTime[0] = start;
    this.#schedule(start + initial * pace);
  }

  #schedule(at: number): void {
    const arming = ++this.#arming;
    this.#owner.clock.schedule(at, this.#owner.id, (time) => {
      if (arming === this.#arming) this.#expire(time);
    });
  }

  #expire(at: number): void {
    if (this.mode === TIMER_PERIODIC) {
      this.#startTime[0] = at;
      this.#schedule(at + this.#initialWord[0] * this.#ticksPerCount);
    } else {
      this.#pace[0] = 0;
      this.#deadline = 0;
    }
    this.#expired(at);
  }
}
