import { shortened } from '../result/import/parse-log.js';
import type { ParsedLog } from '../result/import/parsed-log.js';
import type { SavedResult } from '../result/saved-result.js';
import { settingText } from '../scenario/case-id.js';
import type { Override } from '../scenario/overrides.js';

/** Most foreign lines of one file that are shown. */
const SHOWN = 3;

/** Settings that matter most and are easily assumed wrongly. */
const ASSUMABLE = ['apicMode', 'ipiv', 'apHaltPolicy', 'vcpus', 'kvm.version'];

/** What was read, what was left aside, and what was taken for granted. */
export function importNotes(
  logs: readonly ParsedLog[],
  result: SavedResult,
  given: readonly Override[],
  scenario: string | undefined,
): string[] {
  return [...logs.flatMap(logNotes), ...(scenario === undefined ? assumptions(logs, result, given) : [])];
}

function logNotes({ file, format, runs, exitTables, skipped, foreign }: ParsedLog): string[] {
  const found = exitTables.length > 0 ? count(exitTables.length, 'table') : count(runs.length, 'run');
  const notes = [`${file}: ${format}, ${found}, ${count(foreign.length, 'foreign line')}`];
  for (const { line, text } of foreign.slice(0, SHOWN)) notes.push(`  not used: line ${line}: ${shortened(text)}`);
  if (foreign.length > SHOWN) notes.push(`  not used: ${foreign.length - SHOWN} more`);
  if (skipped.length > 0) notes.push(`  skipped or failed there: ${skipped.map(shortened).join(', ')}`);
  return notes;
}

function assumptions(logs: readonly ParsedLog[], { cases }: SavedResult, given: readonly Override[]): string[] {
  const items = logs.flatMap(({ runs, exitTables }) => [...runs, ...exitTables]);
  const open = ASSUMABLE.filter((key) => {
    if (given.some((each) => each.key === key) || (key === 'vcpus' && logs.every(({ vcpus }) => vcpus !== null))) {
      return false;
    }
    return items.some(({ settings }) => !settings.some((each) => each.key === key));
  });
  if (open.length === 0) return [];
  const values = open.map((key) => {
    const texts = cases.map(({ settings }) => settingText(settings[key]));
    return `${key}=${[...new Set(texts)].join('|')}`;
  });
  return [`assumed: ${values.join(' ')} (to change it: --apic-mode, --ipiv, --set)`];
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
