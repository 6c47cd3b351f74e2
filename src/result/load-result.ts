import { existsSync, readFileSync } from 'node:fs';
import { parseTree, type ParseError } from 'jsonc-parser';
import { JsonDocument } from '../scenario/document.js';
import type { Problem } from '../scenario/problem.js';
import { validate } from '../scenario/validate.js';
import { digestOf } from './digest.js';
import type { MetricName } from './metric.js';
import { resultSchema } from './result-schema.js';
import { byMetric, RESULT_KIND, RESULT_SCHEMA_VERSION, type SavedResult } from './saved-result.js';

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
    const offset = errorOffset(text, error as Error);
    const message =
      text.slice(offset).trim() === '' || /JSON input$|^Unterminated/.test((error as Error).message)
        ? 'JSON ends too early: the file is empty or truncated'
        : `not valid JSON: ${(error as Error).message.replace(TAIL, '').replace(/^./, (c) => c.toLowerCase())}`;
    return unusable({ source: file, ...position(text, offset) }, message, 'run the scenario again');
  }
  if (!isObject(data) || data['kind'] !== RESULT_KIND) {
    return noResult(file);
  }
  if (data['schemaVersion'] !== RESULT_SCHEMA_VERSION) return otherSchema(file, data['schemaVersion']);
  const { digest, environment: _e, baseline: _b, ...deterministic } = data;
  if (digest !== digestOf(deterministic)) {
    return unusable({ source: file }, 'damaged: its digest does not match its content', 'run the scenario again');
  }
  return checkedResult(file, text, data);
}

/** A digest holds for any content: what the result says must also be what a result can say. */
function checkedResult(file: string, text: string, data: object): LoadedResult {
  if (!resultSchema.safeParse(data).success) return unusable(...misfit(file, text, data));
  const result = data as SavedResult;
  const twice = firstRepeated(result.cases.map(({ id }) => id));
  if (twice === undefined) return { status: 'loaded', result: withAllMetrics(result) };
  return unusable({ source: file }, `has the case ${twice} twice`, 'run the scenario again');
}

/** The first thing that is wrong, with its place. */
function misfit(file: string, text: string, data: object): Parameters<typeof unusable> {
  const document = JsonDocument.parse(file, text);
  const checked = document.ok ? validate(resultSchema, data, document.value, 'the result') : document;
  const problem = checked.ok ? undefined : checked.problems.at(0);
  if (problem === undefined) throw new Error(`${file}: a result that fits its schema was refused`);
  const { at, message, hint } = problem;
  return [at, `not a whole result: ${message}`, hint];
}

function firstRepeated(texts: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return texts.find((text) => seen.size === seen.add(text).size);
}

/** Metrics that are younger than the result are null. */
function withAllMetrics(result: SavedResult): SavedResult {
  const cases = result.cases.map((record) => ({
    ...record,
    summary: filled(record.summary),
    runs: record.runs.map((run) => ({ ...run, samples: filled(run.samples) })),
  }));
  return { ...result, cases };
}

function filled<T>(values: Readonly<Partial<Record<MetricName, T | null>>>): Record<MetricName, T | null> {
  return byMetric((metric) => values[metric] ?? null);
}

function otherSchema(file: string, version: unknown): LoadedResult {
  const message = `result schema ${version === undefined ? 'is missing' : JSON.stringify(version)}, this version reads ${RESULT_SCHEMA_VERSION}`;
  return {
    status: 'other-schema',
    problem: { at: { source: file }, message, hint: 'run the scenario again with this version' },
  };
}

function noResult(source: string): LoadedResult {
  const imported = source.replace(/\.[^./\\]+$/, '.json');
  const hint =
    imported !== source && existsSync(imported)
      ? `what was imported from it may be ${imported}`
      : 'name a file written by `ipiv-bench run`, or turn a log into one with `ipiv-bench import`';
  return unusable({ source, line: 1, column: 1 }, 'not a saved result', hint);
}

function unusable(at: Problem['at'], message: string, hint: string): LoadedResult {
  return { status: 'unusable', problem: { at, message, hint } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What V8 says after the reason: an excerpt, and that this is JSON. */
const TAIL = /(?:, (?:\.\.\.)?".*)? (?:in JSON|is not valid JSON).*/s;

/** V8 names the offset in some of its messages; the other parser finds the rest. */
function errorOffset(text: string, error: Error): number {
  const errors: ParseError[] = [];
  const named = /position (\d+)/.exec(error.message)?.[1];
  if (named === undefined) parseTree(text, errors, { disallowComments: true });
  return Number(named ?? errors.at(0)?.offset ?? text.length);
}

function position(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}
