/** Cases of a shipped scenario, run once in this process and without noise, as `ipiv-bench run` does. */
import type { RunOutcome } from '../../src/result/saved-result.js';
import { loadInterpreter } from '../../src/machine/interpreter.js';
import { executeUnit } from '../../src/run/execute-unit.js';
import { planScenario, unitOf } from '../../src/run/plan.js';
import type { Case } from '../../src/scenario/expand.js';
import { loadScenario } from '../../src/scenario/load.js';
import { parseOverride } from '../../src/scenario/overrides.js';
import { problemText, type Checked } from '../../src/scenario/problem.js';

export interface MeasuredCase {
  readonly each: Case;
  readonly outcome: RunOutcome;
}

const QUIET = ['noise=off', 'runs=1'];

/** Runs every case of the scenario with the given keys set. */
export function measureCases(scenario: string, settings: readonly string[]): MeasuredCase[] {
  const interpreter = loadInterpreter();
  const overrides = [...settings, ...QUIET].map((setting) => valid(parseOverride(setting)));
  const plan = valid(planScenario(valid(loadScenario(`scenarios/${scenario}.json`, overrides))));
  return plan.cases.map((each) => {
    const outcome = executeUnit(interpreter, unitOf(plan, each, 0));
    if ('message' in outcome) throw new Error(`${each.id}: ${outcome.message}`);
    return { each, outcome };
  });
}

/** The command that prints the same figures. */
export function commandOf(scenario: string, settings: readonly string[]): string {
  const sets = [...settings, QUIET[0]].map((setting) => ` --set ${setting}`).join('');
  return `ipiv-bench run ${scenario}${sets} --runs 1 --no-save`;
}

function valid<T>(checked: Checked<T>): T {
  if (!checked.ok) throw new Error(checked.problems.map(problemText).join('\n'));
  return checked.value;
}
