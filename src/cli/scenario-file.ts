import { existsSync, readdirSync } from 'node:fs';
import { packageFile } from './package-file.js';

/** A file as given, or the shipped scenario of that name. */
export function scenarioFile(name: string): string {
  if (existsSync(name) || name.includes('/') || name.endsWith('.json')) return name;
  const shipped = packageFile(`scenarios/${name}.json`);
  return existsSync(shipped) ? shipped : name;
}

/** Names of the shipped scenarios. */
export function shippedScenarios(): string[] {
  return readdirSync(packageFile('scenarios'))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}
