import { Meter } from '../cost/meter.js';
import type { CostTable } from '../cost/step.js';

/** Told of every charge when it has been recorded. */
export type OnCharge = (cpu: number, step: number, ticks: number) => void;

/** A meter that passes on what it records. */
export class ChargeMeter extends Meter {
  readonly #onCharge: OnCharge;

  constructor(table: CostTable, cpus: number, onCharge: OnCharge) {
    super(table, cpus);
    this.#onCharge = onCharge;
  }

  override record(cpu: number, step: number, ticks: number, times = 1): void {
    super.record(cpu, step, ticks, times);
    this.#onCharge(cpu, step, ticks);
  }
}
