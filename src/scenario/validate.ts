import type { z } from 'zod';
import { suggestion, closest } from './closest.js';
import type { Path } from './document.js';
import { bad, good, type Checked, type Location, type Problem } from './problem.js';
import { allowedText, knownKeys, schemaAt } from './schema-node.js';

/** Says where the value (or the key) at a path comes from. */
export interface Locator {
  locate(path: Path): Location;
  locateKey(path: Path): Location;
}

/** Checks `value` against `schema` and turns each violation into a problem with its place and what is allowed. */
export function validate<T extends z.ZodType>(schema: T, value: unknown, locator: Locator): Checked<z.output<T>> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return good(parsed.data);
  const problems = parsed.error.issues.flatMap((issue) => toProblems(schema, value, issue, [], locator));
  return bad(...problems);
}

type Issue = z.core.$ZodIssue;

function toProblems(root: z.ZodType, value: unknown, issue: Issue, base: Path, locator: Locator): Problem[] {
  const path = [...base, ...(issue.path as (string | number)[])];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(key, path, knownKeys(schemaAt(root, path)), locator));
  }
  const branch = issue.code === 'invalid_union' && Array.isArray(valueAt(value, path)) ? issue.errors[1] : [];
  const inner = branch.filter(({ path: within }) => within.length > 0);
  if (inner.length > 0) return inner.flatMap((each) => toProblems(root, value, each, path, locator));
  return [wrongValue(root, value, path, issue.message, locator)];
}

function unknownKey(key: string, path: Path, known: readonly string[], locator: Locator): Problem {
  const place = path.length === 0 ? '' : ` in "${path.join('.')}"`;
  return {
    at: locator.locateKey([...path, key]),
    message: `unknown key ${JSON.stringify(key)}${place}`,
    hint: suggestion(key, known, 'known keys'),
  };
}

function wrongValue(root: z.ZodType, value: unknown, path: Path, message: string, locator: Locator): Problem {
  const schema = schemaAt(root, path);
  const given = valueAt(value, path);
  const name = path.length === 0 ? 'the scenario' : `"${path.join('.')}"`;
  const allowed = schema === undefined ? message : `allowed: ${allowedText(schema)}`;
  return {
    at: locator.locate(path),
    message: `${name} is ${shown(given)}`,
    hint: `${nearest(given, schema)}${allowed}`,
  };
}

/** `did you mean "x2apic"? ` where a text is one slip away from an allowed one. */
function nearest(given: unknown, schema: z.ZodType | undefined): string {
  if (typeof given !== 'string' || schema === undefined) return '';
  const texts = [...allowedText(schema).matchAll(/"([^"]+)"/g)].map((match) => match[1]);
  const near = closest(given, texts);
  return near === undefined ? '' : `did you mean "${near}"? `;
}

function shown(value: unknown): string {
  if (typeof value === 'number' && !Number.isFinite(value)) return 'too large for a number';
  const text = value === undefined ? 'missing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const step of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string | number, unknown>)[step];
  }
  return at;
}
