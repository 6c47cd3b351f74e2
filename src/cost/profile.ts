/**
 * Cost profiles: named values with their sources, as data.
 *
 * A profile says what each step costs in TSC cycles (or nanoseconds), where the value comes from, in which range it is
 * plausible, and to which free group it belongs. Built-in profiles lie in `profiles/`; any file of the same form will do.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { z } from 'zod';
import { INSTRUCTION_CLASSES, mostCycles, STEP_NAMES } from './step.js';

const SOURCE = z.enum(['published', 'fitted', 'assumed']);

/** The longest step, in cycles or nanoseconds. */
const MOST = 1e6;
/** A record of the interpreter holds the ticks of a class, a load and a store together in 16 bits. */
const MOST_CLASS_TICKS = 16_384;
const MOST_DISTANCE = 1000;
/** With more than this, a run's draw could make the way between two cores shorter than nothing. */
export const MOST_NOISE = 0.4;

const stepSchema = z.strictObject({
  value: z.number().min(0).max(MOST).describe('TSC cycles, or nanoseconds where unit says so'),
  unit: z.literal('ns').optional(),
  source: SOURCE,
  range: z.tuple([z.number(), z.number()]).optional().describe('plausible values; the prior of a fit'),
  suggested: z.number().optional().describe('centre of the prior where a fit has moved the value'),
  group: z.string().optional().describe('free group whose sum a fit determines'),
  note: z.string(),
});

const distanceSchema = z.strictObject({
  sibling: z.number().positive().max(MOST_DISTANCE),
  socket: z.number().positive().max(MOST_DISTANCE),
  remote: z.number().positive().max(MOST_DISTANCE),
  source: SOURCE,
  note: z.string(),
});

/** A profile file. Whether its parts agree with each other is for `contradictions`. */
export const profileSchema = z.strictObject({
  $schema: z.string().optional(),
  name: z.string().min(1),
  description: z.string(),
  groups: z.record(z.string(), z.string()),
  lineOccupancy: z.strictObject({ value: z.number().min(0).max(MOST), source: SOURCE, note: z.string() }),
  distance: z.strictObject({ line: distanceSchema, flight: distanceSchema }),
  noise: z.strictObject({ value: z.number().min(0).max(MOST_NOISE), source: SOURCE, note: z.string() }),
  classes: z.record(
    z.enum(INSTRUCTION_CLASSES),
    z.strictObject({ ticks: z.int().min(1).max(MOST_CLASS_TICKS), source: SOURCE, note: z.string() }),
  ),
  steps: z.record(z.enum(STEP_NAMES), stepSchema),
});

export type CostProfile = z.infer<typeof profileSchema>;
export type StepCost = z.infer<typeof stepSchema>;

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

/** Loads a built-in profile. */
export function loadProfile(name: string): CostProfile {
  const profile: unknown = JSON.parse(readFileSync(new URL(`${name}.json`, BUILT_IN), 'utf8'));
  // Compiling the schema takes longer than checking one object with it.
  return profileSchema.parse(profile, { jitless: true });
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

/** SHA-256 over the values that a machine uses, in canonical order: notes and names do not matter. */
export function profileHash(profile: CostProfile): string {
  const values = [
    STEP_NAMES.map((name) => [name, profile.steps[name].value, profile.steps[name].unit ?? 'cycles']),
    INSTRUCTION_CLASSES.map((name) => [name, profile.classes[name].ticks]),
    profile.lineOccupancy.value,
    [profile.distance.line, profile.distance.flight].map(({ sibling, socket, remote }) => [sibling, socket, remote]),
    profile.noise.value,
  ];
  return createHash('sha256').update(JSON.stringify(values)).digest('hex');
}
