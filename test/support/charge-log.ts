import { STEP_NAMES, type CostTable, type StepName } from '../../src/cost/step.js';
import { buildMachine, type Machine } from '../../src/machine/machine.js';
import type { SimulationOptions } from '../../src/machine/machine-options.js';
import { defaultCosts, machineInputs, machineOptions, type CaseOptions } from './whole-machine.js';

/** One step, charged to physical CPU `cpu` and complete at `at` ticks. */
export interface Charge {
  readonly cpu: number;
  readonly step: StepName;
  readonly at: number;
}

export interface LoggedRun {
  /** CPU by CPU, in order, until the guest's end. */
  readonly charges: readonly (readonly Charge[])[];
  readonly machine: Machine;
}

/**
 * Runs a case from reset to the guest's end and logs every step that is charged. Steps that the interpreter counts
 * itself (RDTSC, locked instructions, fences, PAUSE, spin exits) are not among them.
 */
export function loggedRun(
  options: CaseOptions,
  simulation: SimulationOptions = {},
  costs: CostTable = defaultCosts(),
): LoggedRun {
  const machine = buildMachine(machineOptions(options), machineInputs(simulation, costs));
  const { meter, cpus, clock } = machine.hardware;
  const record = meter.record.bind(meter);
  const log: Charge[][] = cpus.map(() => []);
  meter.record = (cpu, step, ticks, times) => {
    record(cpu, step, ticks, times);
    log[cpu].push({ cpu, step: STEP_NAMES[step], at: cpus[cpu].now });
  };
  clock.run();
  if (machine.userSpace.end?.kind !== 'exit') throw new Error('the guest did not reach its end');
  const end = log[0].at(-1)?.at ?? 0;
  return { charges: log.map((charges) => charges.filter(({ at }) => at <= end)), machine };
}
