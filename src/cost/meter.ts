import { STEP_NAMES, type CostTable } from './step.js';

const STEPS = STEP_NAMES.length;

/** Where a meter keeps its numbers: in the memory that it shares with the interpreter, which charges as well. */
export interface MeterTables {
  /** By step: what each costs; then for every CPU how often it was charged; then for every CPU the ticks charged. */
  readonly numbers: Float64Array;
  /** One word: 1 = the interpreter leaves it to the meter to record a charge. */
  readonly observed: Uint32Array;
}

/** Told of every charge when it has been recorded. */
export type OnCharge = (cpu: number, step: number, ticks: number) => void;

/**
 * Counts and ticks per step for every physical CPU. All tables, exit statistics and breakdowns are views of it. The
 * interpreter charges into the same tables (src/interpreter/cost.ts).
 */
export class Meter {
  readonly table: CostTable;
  /** How often each step was charged: `counts[cpu * STEP_NAMES.length + step]`. */
  readonly counts: Float64Array;
  /** Ticks charged for each step, same index. */
  readonly ticks: Float64Array;
  readonly #observed: Uint32Array;
  /** One array for all: V8 looks at it once per charge. */
  readonly #numbers: Float64Array;
  /** How far the ticks are behind the counts. */
  readonly #size: number;
  #onCharge: OnCharge | null = null;

  constructor(table: CostTable, tables: MeterTables) {
    this.table = table;
    const { numbers } = tables;
    this.#observed = tables.observed;
    this.#numbers = numbers;
    this.#size = (numbers.length - STEPS) / 2;
    this.counts = numbers.subarray(STEPS, STEPS + this.#size);
    this.ticks = numbers.subarray(STEPS + this.#size);
    numbers.set(table.stepTicks);
  }

  /** Sees every charge, those of the interpreter too. For tests and traces. */
  set onCharge(see: OnCharge) {
    this.#onCharge = see;
    this.#observed[0] = 1;
  }

  /** What the profile says for `step`. */
  ticksOf(step: number): number {
    return this.#numbers[step];
  }

  /** Records `ticks` for `step` on `cpu`; the caller advances the clock. */
  record(cpu: number, step: number, ticks: number): void {
    const numbers = this.#numbers;
    const at = (1 + cpu) * STEPS + step;
    numbers[at]++;
    numbers[at + this.#size] += ticks;
    if (this.#onCharge !== null) this.#onCharge(cpu, step, ticks);
  }
}
