/**
 * Cost profiles: named values with their sources, as data.
 *
 * A profile says what each step costs in TSC cycles (or nanoseconds), where the value comes from, in which range it is
 * plausible, and to which free group it belongs. Built-in profiles lie in `profiles/`; any file of the same form will do.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { z } from 'zod';
import { INSTRUCTION_CLASSES, STEP_NAMES } from './step.js';

const SOURCE = z.enum(['published', 'fitted', 'assumed']);

const stepSchema = z.strictObject({
  value: z.number().nonnegative().describe('TSC cycles, or nanoseconds where unit says so'),
  unit: z.literal('ns').optional(),
  source: SOURCE,
  range: z.tuple([z.number(), z.number()]).optional().describe('plausible values; the prior of a fit'),
  suggested: z.number().optional().describe('centre of the prior where a fit has moved the value'),
  group: z.string().optional().describe('free group whose sum a fit determines'),
  note: z.string(),
});

const distanceSchema = z.strictObject({
  sibling: z.number().positive(),
  socket: z.number().positive(),
  remote: z.number().positive(),
  source: SOURCE,
  note: z.string(),
});

export const profileSchema = z.strictObject({
  $schema: z.string().optional(),
  name: z.string().min(1),
  description: z.string(),
  groups: z.record(z.string(), z.string()),
  lineOccupancy: z.strictObject({ value: z.number().nonnegative(), source: SOURCE, note: z.string() }),
  distance: z.strictObject({ line: distanceSchema, flight: distanceSchema }),
  noise: z.strictObject({ value: z.number().nonnegative(), source: SOURCE, note: z.string() }),
  classes: z.record(
    z.enum(INSTRUCTION_CLASSES),
    z.strictObject({ ticks: z.int().nonnegative(), source: SOURCE, note: z.string() }),
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

/** A profile could not be read; the message says where and why. */
export class ProfileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProfileError';
  }
}

/** Loads a built-in profile by name, or a file (anything with a slash or ending in `.json`). */
export function loadProfile(nameOrPath: string): CostProfile {
  const isPath = nameOrPath.includes('/') || nameOrPath.endsWith('.json');
  if (!isPath && !builtInProfiles().includes(nameOrPath)) {
    throw new ProfileError(
      `no profile '${nameOrPath}'; built in: ${builtInProfiles().join(', ')}; or give a .json file`,
    );
  }
  return parseProfile(
    readProfile(isPath ? nameOrPath : new URL(`${nameOrPath}.json`, BUILT_IN), nameOrPath),
    nameOrPath,
  );
}

const UNREADABLE: Readonly<Record<string, string | undefined>> = {
  ENOENT: 'no such file',
  EISDIR: 'is a directory',
  EACCES: 'permission denied',
};

function readProfile(location: string | URL, name: string): string {
  try {
    return readFileSync(location, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ProfileError(`profile ${name} cannot be read: ${UNREADABLE[code ?? ''] ?? message}`);
  }
}

/** Parses and checks a profile; `origin` names it in errors. */
export function parseProfile(text: string, origin: string): CostProfile {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new ProfileError(`profile ${origin} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = profileSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ProfileError(`profile ${origin}: ${issue.path.join('.')}: ${issue.message}`);
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
