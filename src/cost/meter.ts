import { STEP_NAMES, type CostTable } from './step.js';

const STEPS = STEP_NAMES.length;

/** Where a meter keeps its numbers: in the memory that it shares with the interpreter, which charges as well. */
export interface MeterTables {
  /** What each step costs. */
  readonly stepTicks: Float64Array;
  readonly counts: Float64Array;
  readonly ticks: Float64Array;
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
  readonly #tables: MeterTables;
  #onCharge: OnCharge | null = null;

  constructor(table: CostTable, tables: MeterTables) {
    this.table = table;
    this.counts = tables.counts;
    this.ticks = tables.ticks;
    this.#tables = tables;
    tables.stepTicks.set(table.stepTicks);
  }

  /** Sees every charge, those of the interpreter too. For tests and traces. */
  set onCharge(see: OnCharge) {
    this.#onCharge = see;
    this.#tables.observed[0] = 1;
  }

  /** Records `ticks` for `step` on `cpu`; the caller advances the clock. */
  record(cpu: number, step: number, ticks: number): void {
    const at = cpu * STEPS + step;
    this.counts[at]++;
    this.ticks[at] += ticks;
    this.#onCharge?.(cpu, step, ticks);
  }
}
