import { basename } from 'node:path';
import type { NamedResult } from '../result/compare/align.js';
import { loadResult } from '../result/load-result.js';
import type { SavedResult } from '../result/saved-result.js';
import { complain } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';

/** All results of several files, or the exit code after complaining about every file that is none. */
export type LoadedResults =
  { readonly ok: true; readonly results: readonly SavedResult[] } | { readonly ok: false; readonly code: ExitCode };

/** Reads saved results. A result of another schema version is nobody's mistake: nothing can be concluded from it. */
export function loadResults(files: readonly string[]): LoadedResults {
  const loaded = files.map(loadResult);
  const unloaded = loaded.filter((each) => each.status !== 'loaded');
  if (unloaded.length === 0) {
    return { ok: true, results: loaded.flatMap((each) => (each.status === 'loaded' ? [each.result] : [])) };
  }
  complain(unloaded.map(({ problem }) => problem));
  const unusable = unloaded.some(({ status }) => status === 'unusable');
  return { ok: false, code: unusable ? EXIT.INPUT_ERROR : EXIT.INCONCLUSIVE };
}

/** Results under the names of their files without folder and extension, or in full where that is not clear. */
export function namedResults(files: readonly string[], results: readonly SavedResult[]): NamedResult[] {
  const short = files.map((file) => basename(file).replace(/\.json$/, ''));
  const isClear = new Set(short).size === short.length;
  return results.map((result, index) => ({ name: isClear ? short[index] : unique(files, index), result }));
}

function unique(files: readonly string[], index: number): string {
  return files.indexOf(files[index]) === index ? files[index] : `${files[index]} (${index + 1})`;
}
