import { runMachine } from '../machine/machine.js';
import { GuestFailure, type MachineResult } from '../machine/machine-result.js';
import type { RunFailure, RunOutcome } from '../result/saved-result.js';
import { activityByRole } from './cpu-roles.js';
import { executeImage } from './execute-image.js';
import type { Unit } from './plan.js';

/** What a unit came to; which run it was is the caller's knowledge. */
export type UnitResult = RunOutcome | Omit<RunFailure, 'run'>;

/** Runs one unit on a fresh machine. A guest that fails is a result; anything else that goes wrong is thrown. */
export function executeUnit(interpreter: WebAssembly.Module, unit: Unit): UnitResult {
  try {
    if ('image' in unit) return executeImage(interpreter, unit).outcome;
    return toOutcome(runMachine(unit.options, { interpreter, costs: unit.costs }));
  } catch (error) {
    if (!(error instanceof GuestFailure)) throw error;
    return { message: error.message, cycles: error.cycles, details: error.details };
  }
}

function toOutcome({ cpus, iterations, outer, inner, lineTransfers, console, effective }: MachineResult): RunOutcome {
  return { iterations, outer, inner, lineTransfers, activity: activityByRole(cpus), console, effective };
}
