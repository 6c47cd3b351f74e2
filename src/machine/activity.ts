/**
 * What the CPUs did between two instants. Every figure is a difference of two snapshots taken by an event, so it does
 * not depend on how far some CPU had run ahead.
 */
import { STEP, STEP_NAMES, TICKS_PER_CYCLE, type StepName } from '../cost/step.js';
import type { Cpu } from '../hardware/cpu/cpu.js';
import * as L from '../hardware/cpu/layout.js';
import { exitReasonName } from '../hardware/vmx/exit-reason-name.js';
import type { ExitStatistics } from '../hypervisor/kvm.js';
import type { CpuActivity, StepTotal } from './machine-result.js';

/** Steps that the interpreter counts itself, and where. */
export const COUNTED_STEPS: readonly (readonly [step: number, counter: number])[] = [
  [STEP.RDTSC, L.CPU_COUNT_RDTSC],
  [STEP.LOCKED_RMW, L.CPU_COUNT_LOCKED],
  [STEP.MFENCE, L.CPU_COUNT_MFENCE],
  [STEP.PAUSE, L.CPU_COUNT_PAUSE],
  [STEP.SPIN_EXIT, L.CPU_COUNT_SPIN_EXIT],
  [STEP.IRETQ, L.CPU_COUNT_IRETQ],
];

/** All counters of one CPU at one instant. */
export interface Snapshot {
  /** Ticks spent awake and not spinning idly. */
  readonly busy: number;
  readonly retired: number;
  readonly exits: Float64Array;
  readonly handledExits: Float64Array;
  readonly exitTicks: Float64Array;
  readonly counts: Float64Array;
  readonly ticks: Float64Array;
}

/** Takes the counters of `cpu`, and the hypervisor's. */
export function takeSnapshot(cpu: Cpu, { exits, handledExits, exitTicks }: ExitStatistics): Snapshot {
  const first = cpu.id * STEP_NAMES.length;
  const counts = cpu.meter.counts.slice(first, first + STEP_NAMES.length);
  const ticks = cpu.meter.ticks.slice(first, first + STEP_NAMES.length);
  for (const [step, counter] of COUNTED_STEPS) {
    const count = cpu.long(counter);
    counts[step] = counts[step] + count;
    ticks[step] = ticks[step] + count * cpu.meter.table.stepTicks[step];
  }
  return {
    busy: cpu.now - cpu.sleepTicks - cpu.long(L.CPU_SPIN_TICKS),
    retired: cpu.long(L.CPU_RETIRED),
    exits: Float64Array.from(exits),
    handledExits: Float64Array.from(handledExits),
    exitTicks: Float64Array.from(exitTicks),
    counts,
    ticks,
  };
}

/** What lies between two snapshots of one CPU. */
export function activityBetween(cpu: number, from: Snapshot, to: Snapshot): CpuActivity {
  const steps: Partial<Record<StepName, StepTotal>> = {};
  let named = 0;
  STEP_NAMES.forEach((name, step) => {
    const count = to.counts[step] - from.counts[step];
    const ticks = to.ticks[step] - from.ticks[step];
    if (count === 0) return;
    steps[name] = { count, cycles: ticks / TICKS_PER_CYCLE };
    if (step !== STEP.IPI_FLIGHT) named += ticks;
  });
  const busy = to.busy - from.busy;
  return {
    cpu,
    exits: exitsBetween(from.exits, to.exits),
    exitTimes: exitTimesBetween(from, to),
    busyCycles: busy / TICKS_PER_CYCLE,
    steps,
    guestInstructionCycles: (busy - named) / TICKS_PER_CYCLE,
    instructions: to.retired - from.retired,
  };
}

function exitsBetween(from: Float64Array, to: Float64Array): Record<string, number> {
  const exits: Record<string, number> = {};
  to.forEach((count, reason) => {
    const difference = count - from[reason];
    if (difference !== 0) exits[exitReasonName(reason)] = difference;
  });
  return exits;
}

function exitTimesBetween(from: Snapshot, to: Snapshot): Record<string, StepTotal> {
  const times: Record<string, StepTotal> = {};
  to.handledExits.forEach((handled, reason) => {
    const count = handled - from.handledExits[reason];
    const cycles = (to.exitTicks[reason] - from.exitTicks[reason]) / TICKS_PER_CYCLE;
    if (count !== 0) times[exitReasonName(reason)] = { count, cycles };
  });
  return times;
}
