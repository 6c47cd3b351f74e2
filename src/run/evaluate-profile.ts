import { costTable } from '../cost/cost-table.js';
import type { CostProfile } from '../cost/profile.js';
import type { MachineOptions } from '../machine/machine-options.js';
import { executeUnit } from './execute-unit.js';

/** kvm-unit-tests divides integers: what it prints is, on average, this many cycles short of the truth. */
const TRUNCATION = 0.5;

/** Averages expected in print for the cases under a profile, without noise; `meshFactor` stretches what crosses the mesh. */
export function profileEvaluator(interpreter: WebAssembly.Module, cases: readonly MachineOptions[]) {
  return (profile: CostProfile, meshFactor = 1): readonly number[] => {
    const draw = { lineFactor: meshFactor, flightFactor: meshFactor };
    return cases.map((options) => {
      const result = executeUnit(interpreter, { options, costs: costTable(profile, options.host.tscGHz, draw) });
      if ('message' in result) throw new Error(`the guest failed while fitting: ${result.message}`);
      return result.outer - TRUNCATION;
    });
  };
}
