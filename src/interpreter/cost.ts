// What steps cost, and the meter: see src/cost/meter.ts. The numbers of steps are in src/cost/step-numbers.ts.
import {
  CPU_NOW,
  CPU_STEP_COUNTS,
  CPU_STEP_TICKS,
  ORDER_OBSERVED,
  ORDER_STEP_TICKS,
} from '../hardware/cpu/layout';
import { charged } from './host';
import { idOf, timeOf } from './order';

/** The CPU pays what the profile says for a step. */
export function charge(cpu: usize, step: u32): void {
  chargeTicks(cpu, step, load<f64>(load<u32>(ORDER_STEP_TICKS) + (step << 3)));
}

/** The CPU pays `ticks` for a step that scales with distance. */
export function chargeTicks(cpu: usize, step: u32, ticks: f64): void {
  store<f64>(cpu, timeOf(cpu) + ticks, CPU_NOW);
  record(cpu, step, ticks);
}

/** Records `ticks` for a step that does not pass on the CPU's clock, or has passed already. */
export function record(cpu: usize, step: u32, ticks: f64): void {
  if (load<u32>(ORDER_OBSERVED) != 0) {
    charged(idOf(cpu), step, ticks);
    return;
  }
  const count = load<u32>(cpu, CPU_STEP_COUNTS) + (step << 3);
  const total = load<u32>(cpu, CPU_STEP_TICKS) + (step << 3);
  store<f64>(count, load<f64>(count) + 1);
  store<f64>(total, load<f64>(total) + ticks);
}
