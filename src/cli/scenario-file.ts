import { existsSync, readdirSync } from 'node:fs';
import { closest } from '../scenario/closest.js';
import { loadScenario, type LoadedScenario } from '../scenario/load.js';
import type { Override } from '../scenario/overrides.js';
import { bad, type Checked } from '../scenario/problem.js';
import { packageFile } from './package-file.js';

/** A file as given, or the shipped scenario of that name. */
export function scenarioFile(name: string): string {
  if (existsSync(name) || name.includes('/') || name.endsWith('.json')) return name;
  const shipped = packageFile(`scenarios/${name}.json`);
  return existsSync(shipped) ? shipped : name;
}

/** Loads a scenario as the command line names it; says which shipped one is meant where there is none of that name. */
export function namedScenario(name: string, overrides: readonly Override[] = []): Checked<LoadedScenario> {
  const file = scenarioFile(name);
  if (name === '') return bad({ at: { source: '""' }, message: 'is no name of a scenario', hint: LIST });
  const near =
    existsSync(file) || name.includes('/') ? undefined : closest(name.replace(/\.json$/, ''), shippedScenarios());
  if (near === undefined) return loadScenario(file, overrides);
  return bad({ at: { source: file }, message: 'no such file', hint: `did you mean "${near}"? ${LIST}` });
}

const LIST = '`ipiv-bench list scenarios` shows what is shipped';

/** Names of the shipped scenarios. */
export function shippedScenarios(): string[] {
  return readdirSync(packageFile('scenarios'))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}
