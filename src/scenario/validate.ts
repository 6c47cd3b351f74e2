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

/** What is checked, with what it is called in messages: `the scenario`. */
interface Subject {
  readonly name: string;
  readonly schema: z.ZodType;
  readonly value: unknown;
  readonly locator: Locator;
}

/** Checks `value` against `schema` and turns each violation into a problem with its place and what is allowed. */
export function validate<T extends z.ZodType>(
  schema: T,
  value: unknown,
  locator: Locator,
  name = 'the scenario',
): Checked<z.output<T>> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return good(parsed.data);
  const subject: Subject = { name, schema, value, locator };
  const { issues } = parsed.error;
  const isLack = (issue: Issue): boolean => issue.path.length > 0 && isMissing(value, issue.path as Path);
  const problems = issues.filter((issue) => !isLack(issue)).flatMap((issue) => toProblems(subject, issue, []));
  return bad(...problems, ...lacks(subject, issues.filter(isLack)));
}

type Issue = z.core.$ZodIssue;

function toProblems(subject: Subject, issue: Issue, base: Path): Problem[] {
  const { schema, value, locator } = subject;
  const path = [...base, ...(issue.path as (string | number)[])];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(key, path, knownKeys(schemaAt(schema, path)), locator));
  }
  const branch = issue.code === 'invalid_union' && Array.isArray(valueAt(value, path)) ? issue.errors[1] : [];
  const inner = branch.filter(({ path: within }) => within.length > 0);
  if (inner.length > 0) return inner.flatMap((each) => toProblems(subject, each, path));
  return [wrongValue(subject, path, issue.message)];
}

function isMissing(value: unknown, path: Path): boolean {
  return valueAt(value, path) === undefined;
}

/** One problem for each object that lacks keys. */
function lacks({ name, locator }: Subject, issues: readonly Issue[]): Problem[] {
  const keys = new Map<string, { path: Path; names: string[] }>();
  for (const issue of issues) {
    const path = issue.path.slice(0, -1) as Path;
    const found = keys.get(path.join('.')) ?? { path, names: [] };
    found.names.push(String(issue.path.at(-1)));
    keys.set(path.join('.'), found);
  }
  return [...keys.values()].map(({ path, names }) => {
    const [first, ...others] = names;
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    const message = `${path.length === 0 ? name : `"${path.join('.')}"`} lacks "${first}"${more}`;
    return { at: locator.locate(path), message, hint: `add ${names.map((key) => `"${key}"`).join(', ')}` };
  });
}

function unknownKey(key: string, path: Path, known: readonly string[], locator: Locator): Problem {
  const place = path.length === 0 ? '' : ` in "${path.join('.')}"`;
  return {
    at: locator.locateKey([...path, key]),
    message: `unknown key ${JSON.stringify(key)}${place}`,
    hint: suggestion(key, known, 'known keys'),
  };
}

function wrongValue({ schema: root, value, locator, name: whole }: Subject, path: Path, message: string): Problem {
  const schema = schemaAt(root, path);
  const given = valueAt(value, path);
  const name = path.length === 0 ? whole : `"${path.join('.')}"`;
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
