import { TICKS_PER_CYCLE } from '../cost/step.js';
import type { Cpu } from '../hardware/cpu/cpu.js';

/** The time at which the board is looked at: that of the CPU that does it, or of the event that does. */
export class BoardClock {
  #ticks = 0;

  /** `cpu` is about to access the board. */
  at(cpu: Cpu): void {
    this.#ticks = cpu.now;
  }

  /** An event of the board itself, at `ticks`. */
  atEvent(ticks: number): void {
    this.#ticks = ticks;
  }

  get ticks(): number {
    return this.#ticks;
  }

  /** TSC cycles since the machine started. */
  get cycles(): number {
    return Math.floor(this.#ticks / TICKS_PER_CYCLE);
  }
}
