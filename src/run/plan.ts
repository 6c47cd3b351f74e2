import { costTable } from '../cost/cost-table.js';
import { drawPlacement, runSeed } from '../cost/placement.js';
import { profileHash, type CostProfile } from '../cost/profile.js';
import type { CostTable } from '../cost/step.js';
import { expandCases, type Case } from '../scenario/expand.js';
import type { LoadedScenario } from '../scenario/load.js';
import { readProfile } from '../scenario/profile-file.js';
import { bad, good, type Checked, type Problem } from '../scenario/problem.js';
import type { Scenario } from '../scenario/schema.js';
import { impossibilities } from '../machine/impossible.js';
import type { MachineOptions } from '../machine/machine-options.js';

export interface PlannedProfile {
  readonly profile: CostProfile;
  readonly hash: string;
}

/** A scenario ready to run: its cases, and the profiles that price them by the name the scenario gives them. */
export interface Plan {
  readonly scenario: Scenario;
  readonly cases: readonly Case[];
  readonly profiles: ReadonlyMap<string, PlannedProfile>;
}

/** One run of one case: all that a machine needs besides the interpreter. */
export interface Unit {
  readonly options: MachineOptions;
  readonly costs: CostTable;
}

/** Expands the scenario, loads its profiles, and finds whatever cannot be run before anything is run. */
export function planScenario(loaded: LoadedScenario): Checked<Plan> {
  const cases = expandCases(loaded, impossibilities);
  if (!cases.ok) return cases;
  const profiles = new Map<string, PlannedProfile>();
  const problems: Problem[] = [];
  for (const name of new Set(cases.value.map(({ profile }) => profile))) {
    const profile = readProfile(loaded.resolveProfile(name), loaded.locator.locate(['profile']));
    if (profile.ok) profiles.set(name, { profile: profile.value, hash: profileHash(profile.value) });
    else problems.push(...profile.problems);
  }
  return problems.length > 0 ? bad(...problems) : good({ scenario: loaded.scenario, cases: cases.value, profiles });
}

/** The run with this index (from 0) of a case: the same placement for all cases. */
export function unitOf({ scenario, profiles }: Plan, { options, profile: name }: Case, run: number): Unit {
  const planned = profiles.get(name);
  if (planned === undefined) throw new Error(`profile ${name} was not loaded`);
  const { profile } = planned;
  const draw = scenario.noise === 'placement' ? drawPlacement(profile, runSeed(scenario.seed, run)) : undefined;
  return { options, costs: costTable(profile, options.host.tscGHz, draw) };
}
