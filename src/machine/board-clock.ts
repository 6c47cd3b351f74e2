import { TICKS_PER_CYCLE } from '../cost/step.js';
import type { Cpu } from '../hardware/cpu/cpu.js';

/** The time at which the board is looked at: that of the CPU that does it, or of the event that does. */
export class BoardClock {
  #ticks = 0;
  #accessor: Cpu | null = null;

  /** `cpu` is about to access the board. */
  at(cpu: Cpu): void {
    this.#ticks = cpu.now;
    this.#accessor = cpu;
  }

  /** An event of the board itself, at `ticks`. */
  atEvent(ticks: number): void {
    this.#ticks = ticks;
    this.#accessor = null;
  }

  /** The CPU that accesses the board; null in an event of the board itself. */
  get accessor(): Cpu | null {
    return this.#accessor;
  }

  get ticks(): number {
    return this.#ticks;
  }

  /** TSC cycles since the machine started. */
  get cycles(): number {
    return Math.floor(this.#ticks / TICKS_PER_CYCLE);
  }
}
