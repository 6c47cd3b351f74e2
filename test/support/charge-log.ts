import { STEP_NAMES, type CostTable, type StepName } from '../../src/cost/step.js';
import type { Cpu } from '../../src/hardware/cpu/cpu.js';
import { CPU_COUNT_IRETQ, ORDER_STEPPED, STOP_FLAGS } from '../../src/hardware/cpu/layout.js';
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
 * Runs a case from reset to the guest's end and logs every step that is charged. Of the steps that the interpreter
 * counts itself only IRETQs are among them, those that let interrupts in: the interpreter stops behind those. The host
 * sees them while it runs the interpreter itself (`byHost`).
 */
export function loggedRun(
  options: CaseOptions,
  simulation: SimulationOptions = {},
  costs: CostTable = defaultCosts(),
  byHost = true,
): LoggedRun {
  const machine = buildMachine(machineOptions(options), machineInputs(simulation, costs));
  const { meter, cpus, clock, memory } = machine.hardware;
  memory.u32[ORDER_STEPPED >>> 2] = byHost ? 1 : 0;
  const log: Charge[][] = cpus.map(() => []);
  meter.onCharge = (cpu, step) => {
    log[cpu].push({ cpu, step: STEP_NAMES[step], at: cpus[cpu].now });
  };
  for (const cpu of cpus) logReturns(cpu, log[cpu.id]);
  clock.run();
  if (machine.userSpace.end?.kind !== 'exit') throw new Error('the guest did not reach its end');
  const end = log[0].at(-1)?.at ?? 0;
  return { charges: log.map((charges) => charges.filter(({ at }) => at <= end)), machine };
}

function logReturns(cpu: Cpu, log: Charge[]): void {
  const execute = cpu.execute.bind(cpu);
  cpu.execute = (limit) => {
    const before = cpu.long(CPU_COUNT_IRETQ);
    const stop = execute(limit);
    if (stop === STOP_FLAGS && cpu.long(CPU_COUNT_IRETQ) !== before)
      log.push({ cpu: cpu.id, step: 'iretq', at: cpu.now });
    return stop;
  };
}
