import { bad, good, type Checked } from '../../scenario/problem.js';
import { sourceOf, type CaseRecord, type SavedResult } from '../saved-result.js';

/** A result under the name that the user knows it by. */
export interface NamedResult {
  readonly name: string;
  readonly result: SavedResult;
}

/** A case in all results; null where a result has none. */
export interface AlignedCase {
  readonly id: string;
  readonly records: readonly (CaseRecord | null)[];
}

/** Brings the cases of all results into rows: those of the reference first, then what only others have. */
export function alignCases(
  results: readonly NamedResult[],
  reference: number,
  ignored: readonly string[],
): Checked<readonly AlignedCase[]> {
  const order = [reference, ...results.keys()];
  const rows = new Map<string, (CaseRecord | null)[]>();
  for (const index of new Set(order)) {
    for (const record of results[index].result.cases) {
      const id = idWithout(record.id, ignored);
      const row = rows.get(id) ?? results.map(() => null);
      const other = row[index];
      if (other !== null) return twice(results[index].name, id, other, record);
      row[index] = record;
      rows.set(id, row);
    }
  }
  return good([...rows].map(([id, records]) => ({ id, records })));
}

/** An id as its tokens `key=value`; values may hold spaces. */
export function idTokens(id: string): string[] {
  return id.split(/ (?=[A-Za-z][\w.]*=)/);
}

function idWithout(id: string, ignored: readonly string[]): string {
  if (ignored.length === 0) return id;
  const kept = idTokens(id).filter((token) => !ignored.includes(token.slice(0, token.indexOf('='))));
  return kept.join(' ');
}

function twice(name: string, id: string, one: CaseRecord, other: CaseRecord): ReturnType<typeof bad> {
  const message =
    one.id === other.id ? `has the case ${id} twice` : `two of its cases become one: ${one.id} and ${other.id}`;
  return bad({ at: { source: name }, message, hint: 'ignore fewer keys' });
}

/** Keys whose values keep every row of one result from finding a partner in another one. */
export function separatingKeys(results: readonly NamedResult[], reference: number): string[] {
  const ids = (index: number): string[][] => results[index].result.cases.slice(0, FEW).map(({ id }) => idTokens(id));
  const keys = new Set<string>();
  for (const index of results.keys()) {
    if (index === reference) continue;
    const pairs = ids(reference).flatMap((was) => ids(index).map((is) => differingKeys(was, is)));
    const nearest = pairs.reduce<readonly string[]>(
      (best, each) => (best.length === 0 || each.length < best.length ? each : best),
      [],
    );
    for (const key of nearest) keys.add(key);
  }
  return [...keys];
}

/** Enough cases to guess from; their pairs are all looked at. */
const FEW = 64;

function differingKeys(was: readonly string[], is: readonly string[]): string[] {
  const different = [...was.filter((token) => !is.includes(token)), ...is.filter((token) => !was.includes(token))];
  return [...new Set(different.map((token) => token.slice(0, token.indexOf('='))))];
}

/** Whether a result was measured on a real machine. */
export function isMeasured({ result }: NamedResult): boolean {
  return sourceOf(result) === 'hardware';
}
