/**
 * Cost profiles: named values with their sources, as data.
 *
 * A profile says what each step costs in TSC cycles (or nanoseconds), where the value comes from, in which range it is
 * plausible, and to which free group it belongs. Built-in profiles lie in `profiles/`; any file of the same form will do.
 */
import { readFileSync, readdirSync } from 'node:fs';
import type { CostProfile, StepCost } from './profile-schema.js';
import { mostCycles, STEP_NAMES } from './step.js';

export type { CostProfile, StepCost };

/** The profile that runs use unless told otherwise: the fit to the published table. */
export const DEFAULT_PROFILE = 'ipiv-v1';

const BUILT_IN = new URL('./profiles/', import.meta.url);

/** Names of the built-in profiles. */
export function builtInProfiles(): string[] {
  return readdirSync(BUILT_IN)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/** Loads a built-in profile, unchecked: a test holds all of them against the schema, which takes long to load. */
export function loadProfile(name: string): CostProfile {
  return JSON.parse(readFileSync(new URL(`${name}.json`, BUILT_IN), 'utf8')) as CostProfile;
}

/** Two parts of a profile that cannot both be meant; the path leads to the one to change. */
export interface Contradiction {
  readonly path: readonly string[];
  readonly message: string;
  readonly hint: string;
}

/** What no schema sees: free steps need a known group and a range, ranges go upwards, some steps must be short. */
export function contradictions({ steps, groups }: CostProfile): Contradiction[] {
  return STEP_NAMES.flatMap((name) => {
    const { group, range, unit, value } = steps[name];
    const path = ['steps', name];
    const found: Contradiction[] = [];
    const report = (key: string, message: string, hint: string): void => {
      found.push({ path: [...path, key], message: `"${[...path, key].join('.')}" ${message}`, hint });
    };
    if (group !== undefined && !(group in groups)) {
      report('group', `names the unknown group "${group}"`, `known groups: ${Object.keys(groups).join(', ')}`);
    }
    if (group !== undefined && range === undefined) {
      report('group', 'makes this a free step without a range', 'add "range": [LOWEST, HIGHEST] for the fit');
    }
    if (range !== undefined && range[0] >= range[1]) report('range', 'is empty', 'write the lowest value first');
    const most = mostCycles(name);
    if (value > most)
      report('value', `is ${value}`, `allowed: at most ${most} cycles; the interpreter keeps it in 16 bits`);
    if (name === 'halt-poll-iteration' && value < 1) {
      report('value', `is ${value}`, 'allowed: at least 1; halt polling would never come to its end');
    }
    if (unit === 'ns' && most < Infinity) report('unit', 'is "ns"', 'give this step in cycles');
    return found;
  });
}
