import { extname } from 'node:path';
import { suggestion } from '../scenario/closest.js';
import { bad, good, type Checked } from '../scenario/problem.js';
import type { FormatName } from '../report/format.js';

/** Where a report goes: a file, or stdout. */
export interface Output<Name extends string = FormatName> {
  readonly format: Name;
  /** null is stdout. */
  readonly file: string | null;
}

const BY_EXTENSION: Readonly<Record<string, string | undefined>> = {
  '.csv': 'csv',
  '.json': 'json',
  '.md': 'markdown',
  '.txt': 'table',
  '.tsv': 'tsv',
  '.tap': 'tap',
};

/** Parses the `[FORMAT=]FILE` of `--output`; without a format, the extension decides, and - gets the first one. */
export function parseOutput<Name extends string>(text: string, formats: readonly Name[]): Checked<Output<Name>> {
  const source = `--output ${text}`;
  const equals = text.indexOf('=');
  const target = text.slice(equals + 1);
  const named = equals < 0 ? (text === '-' ? formats[0] : BY_EXTENSION[extname(target)]) : text.slice(0, equals);
  if (target === '')
    return bad({ at: { source }, message: 'no file', hint: 'write --output csv=FILE, or - for stdout' });
  if (named === undefined) {
    const hint = `write FORMAT=${target}, with one of ${formats.join(', ')}`;
    return bad({ at: { source }, message: 'no format, and the extension does not tell', hint });
  }
  const format = formats.find((each) => each === named);
  if (format === undefined) {
    return bad({
      at: { source },
      message: `unknown format "${named}"`,
      hint: suggestion(named, formats, 'known formats'),
    });
  }
  return good({ format, file: target === '-' ? null : target });
}
