import { describe, expect, it } from 'vitest';
import { outcome, sampleResult } from '../../test/support/sample-result.js';
import { problemText } from '../scenario/problem.js';
import { loadResult, parseResult, type LoadedResult } from './load-result.js';
import { resultText } from './saved-result.js';

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
});
