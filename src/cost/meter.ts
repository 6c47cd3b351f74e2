import { STEP_NAMES, type CostTable } from './step.js';

/** Counts and ticks per step for every physical CPU. All tables, exit statistics and breakdowns are views of it. */
export class Meter {
  readonly table: CostTable;
  /** How often each step was charged: `counts[cpu * STEP_NAMES.length + step]`. */
  readonly counts: Float64Array;
  /** Ticks charged for each step, same index. */
  readonly ticks: Float64Array;

  constructor(table: CostTable, cpus: number) {
    this.table = table;
    this.counts = new Float64Array(cpus * STEP_NAMES.length);
    this.ticks = new Float64Array(cpus * STEP_NAMES.length);
  }

  /** Records `ticks` for `step` on `cpu`; the caller advances the clock. */
  record(cpu: number, step: number, ticks: number, times = 1): void {
    const at = cpu * STEP_NAMES.length + step;
    this.counts[at] += times;
    this.ticks[at] += ticks;
  }
}
