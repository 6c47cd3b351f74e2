import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../', import.meta.url);
const RULES = 111;

const text = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

/** Rules that tests of a file name: `'37, 43: ...'`, `'12, C17: ...'`, or the first argument of a table's row. */
function rulesNamedIn(source: string): Set<number> {
  const numbers = [...source.matchAll(/['"`](C?\d+(?:, C?\d+)*)(?:: |',)/g)].flatMap(([, list]) => list.split(', '));
  return new Set(numbers.map(Number));
}

const rows = [...text('docs/conformance.md').matchAll(/^\| +(\d+) +\|[^|]*\|([^|]*)\|$/gm)].map(([, rule, files]) => ({
  rule: Number(rule),
  files: [...files.matchAll(/`([^`]+)`/g)].map(([, file]) => file),
}));

describe('docs/conformance.md', () => {
  it('lists every rule once, in order', () => {
    expect(rows.map(({ rule }) => rule)).toEqual(Array.from({ length: RULES }, (_, index) => index + 1));
  });

  it.each(rows)('names tests of rule $rule that exist', ({ rule, files }) => {
    expect(files).not.toEqual([]);
    for (const file of files) expect(rulesNamedIn(text(file)), file).toContain(rule);
  });
});
