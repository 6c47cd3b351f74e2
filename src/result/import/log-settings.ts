import { closest } from '../../scenario/closest.js';
import type { Override } from '../../scenario/overrides.js';
import type { Problem } from '../../scenario/problem.js';
import { SETTABLE_KEYS } from '../../scenario/schema.js';

/** Keys that headings of our own `vmexit` reports have and that say nothing about the case. */
const WITHOUT_MEANING = ['run', 'profile', 'iterations', 'warmup', 'workload'];
/** Nor does it matter which image printed the cycles. */
const IMAGE = 'guest.';

/** A comment line that says how the runs below it were made. */
export interface Heading {
  readonly settings: readonly Override[];
  readonly problems: readonly Problem[];
}

/** Reads `# apicMode=xapic ipiv=on`; null where the line is any other comment. */
export function parseHeading(line: string, file: string, number: number): Heading | null {
  const match = /^#\s*((?:[A-Za-z][\w.]*=\S+\s*)+)$/.exec(line);
  if (match === null) return null;
  const tokens = match[1].trim().split(/\s+/);
  const keys = tokens.map((token) => token.slice(0, token.indexOf('=')));
  if (!keys.some(looksLikeKey)) return null;
  const unknown = keys.find((key) => !isKey(key));
  if (unknown !== undefined) {
    const near = closest(unknown, SETTABLE_KEYS);
    const hint = near === undefined ? 'see `ipiv-bench schema` for the keys' : `did you mean "${near}"?`;
    const at = { source: file, line: number, column: line.indexOf(unknown) + 1 };
    return { settings: [], problems: [{ at, message: `unknown key "${unknown}"`, hint }] };
  }
  return { settings: settingsFrom(tokens, `${file}:${number}`), problems: [] };
}

/** The settings in the tokens of a case's id, as a log or a CSV cell has it. */
export function settingsFrom(tokens: readonly string[], source: string): Override[] {
  return tokens.flatMap((token) => {
    const equals = token.indexOf('=');
    const key = token.slice(0, equals);
    if (WITHOUT_MEANING.includes(key) || key.startsWith(IMAGE)) return [];
    return [{ key, value: settingValue(token.slice(equals + 1)), source }];
  });
}

/** `on`, `off` and `default` as ids write them, in JSON. */
export function settingValue(text: string): string {
  const words: Readonly<Record<string, string | undefined>> = { on: 'true', off: 'false', default: 'null' };
  return words[text] ?? text;
}

function isKey(key: string): boolean {
  return SETTABLE_KEYS.includes(key) || WITHOUT_MEANING.includes(key);
}

function looksLikeKey(key: string): boolean {
  return isKey(key) || closest(key, SETTABLE_KEYS) !== undefined;
}
