import { readFileSync } from 'node:fs';
import type { Problem } from '../scenario/problem.js';
import { digestOf } from './digest.js';
import { RESULT_KIND, RESULT_SCHEMA_VERSION, type SavedResult } from './saved-result.js';

/** A saved result, or why there is none: it cannot be used at all, or it has another schema version. */
export type LoadedResult =
  | { readonly status: 'loaded'; readonly result: SavedResult }
  | { readonly status: 'unusable' | 'other-schema'; readonly problem: Problem };

const UNREADABLE: Readonly<Record<string, string | undefined>> = {
  ENOENT: 'no such file',
  EISDIR: 'is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  EACCES: 'permission denied',
};

/** Reads a saved result and checks that nothing in it has changed since it was written. */
export function loadResult(file: string): LoadedResult {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = UNREADABLE[code ?? ''] ?? message;
    return unusable({ source: file }, reason, 'name a result saved by `ipiv-bench run`');
  }
  return parseResult(file, text);
}

/** Like loadResult, from the text of a file. */
export function parseResult(file: string, text: string): LoadedResult {
  if (!/^\s*[{[]/.test(text)) return noResult(file);
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    const ended = text.trim() === '' || /JSON input$|^Unterminated/.test((error as Error).message);
    const message = ended
      ? 'JSON ends too early: the file is empty or truncated'
      : `not valid JSON: ${(error as Error).message.replace(/ in JSON.*/, '').replace(/^./, (c) => c.toLowerCase())}`;
    return unusable({ source: file, ...syntaxPosition(text, error as Error) }, message, 'run the scenario again');
  }
  if (!isObject(data) || data['kind'] !== RESULT_KIND) {
    return noResult(file);
  }
  if (data['schemaVersion'] !== RESULT_SCHEMA_VERSION) return otherSchema(file, data['schemaVersion']);
  const { digest, environment: _e, baseline: _b, ...deterministic } = data;
  if (digest !== digestOf(deterministic)) {
    return unusable({ source: file }, 'damaged: its digest does not match its content', 'run the scenario again');
  }
  return { status: 'loaded', result: data as unknown as SavedResult };
}

function otherSchema(file: string, version: unknown): LoadedResult {
  const message = `result schema ${version === undefined ? 'is missing' : JSON.stringify(version)}, this version reads ${RESULT_SCHEMA_VERSION}`;
  return {
    status: 'other-schema',
    problem: { at: { source: file }, message, hint: 'run the scenario again with this version' },
  };
}

function noResult(source: string): LoadedResult {
  const hint = 'name a file written by `ipiv-bench run`, or turn a log into one with `ipiv-bench import`';
  return unusable({ source, line: 1, column: 1 }, 'not a saved result', hint);
}

function unusable(at: Problem['at'], message: string, hint: string): LoadedResult {
  return { status: 'unusable', problem: { at, message, hint } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** V8 names the offset in its message; without one the text ended too early. */
function syntaxPosition(text: string, error: Error): { line: number; column: number } {
  const offset = Number(/position (\d+)/.exec(error.message)?.[1] ?? text.length);
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}
