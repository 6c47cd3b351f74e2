import { extname } from 'node:path';
import { suggestion } from '../scenario/closest.js';
import { bad, good, type Checked } from '../scenario/problem.js';
import { FORMAT_NAMES, isFormatName, type FormatName } from '../report/format.js';

/** Where a report goes: a file, or stdout. */
export interface Output {
  readonly format: FormatName;
  /** null is stdout. */
  readonly file: string | null;
}

const BY_EXTENSION: Readonly<Record<string, FormatName | undefined>> = {
  '.csv': 'csv',
  '.json': 'json',
  '.md': 'markdown',
  '.txt': 'table',
};

/** Parses the `[FORMAT=]FILE` of `--output`; without a format, the extension decides. */
export function parseOutput(text: string): Checked<Output> {
  const source = `--output ${text}`;
  const equals = text.indexOf('=');
  const target = text.slice(equals + 1);
  const named = equals < 0 ? BY_EXTENSION[extname(target)] : text.slice(0, equals);
  if (target === '')
    return bad({ at: { source }, message: 'no file', hint: 'write --output csv=FILE, or - for stdout' });
  if (named === undefined) {
    const hint = `write FORMAT=${target}, with one of ${FORMAT_NAMES.join(', ')}`;
    return bad({ at: { source }, message: 'no format, and the extension does not tell', hint });
  }
  if (!isFormatName(named)) {
    return bad({
      at: { source },
      message: `unknown format "${named}"`,
      hint: suggestion(named, FORMAT_NAMES, 'known formats'),
    });
  }
  return good({ format: named, file: target === '-' ? null : target });
}
