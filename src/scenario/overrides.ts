import type { z } from 'zod';
import { suggestion } from './closest.js';
import type { Path } from './document.js';
import { bad, good, type Checked, type Location } from './problem.js';
import { schemaAt } from './schema-node.js';
import { imageScenarioSchema, schemaOf, SETTABLE_KEYS } from './schema.js';

/** A key of the scenario set on the command line. */
export interface Override {
  /** Dotted, as in `kvm.version`. */
  readonly key: string;
  readonly value: string;
  /** The option as it was typed, for messages. */
  readonly source: string;
}

/** Parses the `key=value` of `--set`. */
export function parseOverride(text: string): Checked<Override> {
  const equals = text.indexOf('=');
  const source = `--set ${text}`;
  if (equals > 0) return good({ key: text.slice(0, equals), value: text.slice(equals + 1), source });
  const message = equals === 0 ? 'no key before "="' : 'no "="';
  return bad({ at: { source }, message, hint: 'write --set key=value, for example --set vcpus=4' });
}

/** The raw scenario with all overrides applied; a later one wins. */
export function applyOverrides(raw: object, overrides: readonly Override[]): Checked<object> {
  const result = structuredClone(raw) as Record<string, unknown>;
  const schema = overrides.some(({ key }) => key.startsWith('guest.')) ? imageScenarioSchema : schemaOf(result);
  for (const { key, value, source } of overrides) {
    if (!SETTABLE_KEYS.includes(key)) return bad({ at: { source }, ...unknownKey(key) });
    const path = key.split('.');
    assign(result, path, interpret(value, schemaAt(schema, path)));
  }
  return good(result);
}

function unknownKey(key: string): { message: string; hint: string } {
  const inner = SETTABLE_KEYS.filter((each) => each.startsWith(`${key}.`));
  if (inner.length > 0) return { message: `"${key}" is a group of keys`, hint: `set one of ${inner.join(', ')}` };
  return { message: `unknown key ${JSON.stringify(key)}`, hint: suggestion(key, SETTABLE_KEYS, 'known keys') };
}

/** The override that a path of the scenario comes from, if any. */
export function overrideAt(overrides: readonly Override[], path: Path): Location | undefined {
  const dotted = path.join('.');
  const found = overrides.findLast(({ key }) => dotted === key || dotted.startsWith(`${key}.`));
  return found === undefined ? undefined : { source: found.source };
}

function assign(target: Record<string, unknown>, [key, ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  const inner = target[key];
  const object = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {};
  target[key] = object;
  assign(object, rest, value);
}

/** Text as the first of JSON, plain text, a switch, or a list with commas that the schema takes; else as it reads best. */
function interpret(text: string, schema: z.ZodType | undefined): unknown {
  const candidates = [...json(text), text, ...onOff(text), text.split(',').map((item) => interpretItem(item, schema))];
  return candidates.find((candidate) => schema?.safeParse(candidate).success) ?? candidates[0];
}

function interpretItem(text: string, schema: z.ZodType | undefined): unknown {
  return [...json(text), text, ...onOff(text)].find((candidate) => schema?.safeParse(candidate).success) ?? text;
}

/** `on` and `off`, as the ids of cases spell true and false. */
function onOff(text: string): boolean[] {
  return text === 'on' ? [true] : text === 'off' ? [false] : [];
}

function json(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return [];
  }
}
