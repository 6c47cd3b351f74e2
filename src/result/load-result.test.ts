import { describe, expect, it } from 'vitest';
import { outcome, sampleResult } from '../../test/support/sample-result.js';
import { problemText } from '../scenario/problem.js';
import { loadResult, parseResult, type LoadedResult } from './load-result.js';
import { digestOf } from './digest.js';
import { resultText, type CaseRecord } from './saved-result.js';

const saved = sampleResult({ runs: 2 }, () => outcome(4000));

function complaint(loaded: LoadedResult): string {
  return loaded.status === 'loaded' ? 'none' : `${loaded.status}: ${problemText(loaded.problem)}`;
}

describe('a saved result', () => {
  it('comes back as it was written', () => {
    expect(parseResult('r.json', resultText(saved))).toEqual({ status: 'loaded', result: saved });
  });

  it('is refused when any figure was changed', () => {
    const text = resultText(saved).replace('4000', '3999');
    expect(complaint(parseResult('r.json', text))).toBe(
      'unusable: r.json: damaged: its digest does not match its content; run the scenario again',
    );
  });

  it('is not affected by where it was made', () => {
    const text = resultText({ ...saved, environment: { ...saved.environment, jobs: 7 } });
    expect(parseResult('r.json', text).status).toBe('loaded');
  });

  it('is refused when truncated, with the place', () => {
    const text = resultText(saved).slice(0, 300);
    expect(complaint(parseResult('r.json', text))).toMatch(/^unusable: r\.json:\d+:\d+: JSON ends too early/);
    expect(complaint(parseResult('r.json', '{"kind":'))).toMatch(/^unusable: r\.json:1:9: JSON ends too early/);
  });

  it('is called truncated wherever it was cut', () => {
    const text = resultText(saved).trimEnd();
    const cuts = Array.from({ length: 300 }, (_, index) => text.slice(0, Math.floor((text.length * index) / 300)));
    for (const cut of cuts.slice(1)) expect(complaint(parseResult('r.json', cut))).toContain('JSON ends too early');
  });

  it.each([
    [
      'a number that JSON does not have',
      '{\n "a": [NaN],\n "b": 1\n}\n',
      "r.json:2:8: not valid JSON: unexpected token 'N';",
    ],
    ['a comma too many', '{\n "a": [1,,2]\n}\n', "r.json:2:10: not valid JSON: unexpected token ',';"],
    ['a comment', '{\n // why\n "a": 1\n}\n', 'r.json:2:2: not valid JSON: '],
  ])('is not called truncated for %s', (_, text, expected) => {
    expect(complaint(parseResult('r.json', text))).toContain(`unusable: ${expected}`);
  });

  it('of another schema is told apart from a damaged one', () => {
    expect(complaint(parseResult('r.json', resultText({ ...saved, schemaVersion: 2 })))).toBe(
      'other-schema: r.json: result schema 2, this version reads 1; run the scenario again with this version',
    );
  });

  it('is not just any JSON', () => {
    expect(complaint(parseResult('r.json', '[]'))).toMatch(/^unusable: r\.json:1:1: not a saved result/);
  });

  it('must exist', () => {
    expect(complaint(loadResult('no/such.json'))).toMatch(/^unusable: no\/such\.json: no such file/);
  });

  it('of a version with other metrics has null for those that it lacks, and keeps what is unknown here', () => {
    const [record] = saved.cases;
    const { 'line-transfers': _, ...summary } = record.summary;
    const older = resealed({ cases: [{ ...record, summary, later: 1 }] });
    const loaded = parseResult('r.json', older);
    expect(loaded).toMatchObject({
      status: 'loaded',
      result: { cases: [{ later: 1, summary: { 'line-transfers': null } }] },
    });
  });

  it.each<[string, (record: CaseRecord) => object, RegExp]>([
    [
      'a figure that is null',
      (record) => withRun(record, { outer: null }),
      /"cases\.0\.runs\.0\.outer" is null; allowed: a number/,
    ],
    [
      'a figure that is a text',
      (record) => withRun(record, { outer: 'NaN' }),
      /"cases\.0\.runs\.0\.outer" is "NaN"; allowed: a number/,
    ],
    [
      'a figure beyond all numbers',
      (record) => withRun(record, { outer: 4242.125 }),
      /"cases\.0\.runs\.0\.outer" is too large/,
    ],
    [
      'a negative count',
      (record) => ({ ...record, iterations: -1 }),
      /"cases\.0\.iterations" is -1; allowed: a whole number of at least 0/,
    ],
    ['no runs', (record) => ({ ...record, runs: undefined }), /"cases\.0" lacks .*runs|"cases\.0\.runs" is missing/],
  ])('with %s is no whole result, whatever its digest says', (_, change, expected) => {
    const text = resealed({ cases: [change(saved.cases[0])] }, (line) => line.replace('4242.125', '1e999'));
    expect(complaint(parseResult('r.json', text))).toMatch(/^unusable: r\.json:\d+:\d+: not a whole result: /);
    expect(complaint(parseResult('r.json', text))).toMatch(expected);
  });

  it('has every case once', () => {
    const [record] = saved.cases;
    expect(complaint(parseResult('r.json', resealed({ cases: [record, record] })))).toMatch(/has the case .* twice/);
    expect(complaint(parseResult('r.json', resealed({ cases: [] })))).toMatch(/not a whole result: "cases" is \[\]/);
  });
});

function withRun(record: CaseRecord, change: object): object {
  const [run, ...others] = record.runs;
  return { ...record, runs: [{ ...run, ...change }, ...others] };
}

/** The text of the sample with other parts, and the digest that belongs to what then is read from it. */
function resealed(parts: object, edit: (text: string) => string = (text) => text): string {
  const { digest: _, environment, ...rest } = saved;
  const content = edit(JSON.stringify({ ...rest, ...parts }));
  const digest = digestOf(JSON.parse(content));
  return `${content.slice(0, -1)},"digest":"${digest}","environment":${JSON.stringify(environment)}}`;
}
