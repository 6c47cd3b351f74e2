import { runMachine } from '../machine/machine.js';
import { GuestFailure, type CpuActivity, type MachineResult } from '../machine/machine-result.js';
import { sumActivity, type RoleActivity, type RunFailure, type RunOutcome } from '../result/saved-result.js';
import type { Unit } from './plan.js';

/** What a unit came to; which run it was is the caller's knowledge. */
export type UnitResult = RunOutcome | Omit<RunFailure, 'run'>;

/** Runs one unit on a fresh machine. A guest that fails is a result; anything else that goes wrong is thrown. */
export function executeUnit(interpreter: WebAssembly.Module, { options, costs }: Unit): UnitResult {
  try {
    return toOutcome(runMachine(options, { interpreter, costs }));
  } catch (error) {
    if (!(error instanceof GuestFailure)) throw error;
    return { message: error.message, cycles: error.cycles, details: error.details };
  }
}

function toOutcome(result: MachineResult): RunOutcome {
  const { iterations, outer, inner, lineTransfers, console, effective } = result;
  const cpus = result.cpus.map(toActivity);
  const activity = {
    sender: sumActivity(cpus.slice(0, 1)),
    target: sumActivity(cpus.slice(1, 2)),
    others: sumActivity(cpus.slice(2)),
  };
  return { iterations, outer, inner, lineTransfers, activity, console, effective };
}

function toActivity({ exits, busyCycles, instructions, steps, guestInstructionCycles }: CpuActivity): RoleActivity {
  const plain = { count: instructions, cycles: guestInstructionCycles };
  return { exits, busyCycles, instructions, steps: { ...steps, 'guest-instructions': plain } };
}
