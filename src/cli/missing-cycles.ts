import { FORMATS, type FormatName } from '../report/format.js';
import type { SavedResult } from '../result/saved-result.js';
import type { Problem } from '../scenario/problem.js';

/** Why some of these formats have nothing to show of a result; null if all have. */
export function missingCycles(file: string, { cases }: SavedResult, formats: readonly FormatName[]): Problem | null {
  const empty = formats.filter((name) => FORMATS[name].onlyRuns === true);
  if (empty.length === 0 || cases.some(({ runs }) => runs.length > 0)) return null;
  const hasExits = cases.some(({ exitTables }) => exitTables !== undefined);
  return {
    at: { source: file },
    message: `has no cycles, and ${[...new Set(empty)].join(' and ')} can show nothing else`,
    hint: hasExits ? 'table, markdown and json show its VM exits' : 'no run was finished: tap says why',
  };
}
