import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { outcome, sampleResult } from '../../../test/support/sample-result.js';
import { compareResults } from '../../result/compare/compare.js';
import type { Change, Comparison } from '../../result/compare/comparison.js';
import { styleFor } from '../style.js';
import { COMPARISON_FORMAT_NAMES, COMPARISON_FORMATS, type ComparisonFormatName } from './comparison-format.js';
import { changeText, verdictOf } from './wording.js';

const emulated = (on: number, scenario: object = {}) =>
  sampleResult({ ipiv: [false, true], runs: 2, noise: 'off', ...scenario }, ({ settings }) =>
    outcome(settings['ipiv'] === true ? on : 4000),
  );

function comparisonOf(...results: readonly ReturnType<typeof emulated>[]): Comparison {
  const compared = compareResults(
    results.map((result, index) => ({ name: ['base', 'new', 'third'][index], result })),
    { reference: 0, metrics: ['average'], exits: false, steps: false, ignored: [] },
  );
  if (!compared.ok) throw new Error('not comparable');
  return compared.value;
}

const comparison = comparisonOf(emulated(3000), emulated(3030));
const render = async (name: ComparisonFormatName, of = comparison) =>
  (await COMPARISON_FORMATS[name].load()).render(of, styleFor(false));

describe('the table', () => {
  it('has a row per case, the change beside the value, and the notes beneath', async () => {
    expect(await render('table')).toMatchInlineSnapshot(`
      "average: cycles around the whole loop, as kvm-unit-tests prints them: the integer part
      workload=ipi apicMode=x2apic apHaltPolicy=spin vcpus=2 kvm.version=5.19

                      base (reference, emulated, mean)  new (emulated, mean)
      ipiv=off                                 4000.00               4000.00  same
      ipiv=on                                  3000.00               3030.00  +30.00 (+1.00%)
      geometric mean                                                          +0.50% over 2 rows

      note: no p-values or intervals where a side is emulated: its figures are exact, and seeded noise is not sampling
      "
    `);
  });

  it('names rows without a partner', async () => {
    const partial = comparisonOf(emulated(3000), emulated(3000, { ipiv: true }));
    expect(await render('table', partial)).toMatch(
      /\nwithout a partner in every result: 1\n {2}workload=ipi apicMode=x2apic ipiv=off .* \(base\)\n/,
    );
  });

  it('takes more than two results', async () => {
    const three = comparisonOf(emulated(3000), emulated(3030), emulated(2970));
    expect(await render('table', three)).toMatch(
      /^ipiv=on .* 3030\.00 {2}\+30\.00 \(\+1\.00%\) .* -30\.00 \(-1\.00%\)$/m,
    );
  });
});

describe('the other formats', () => {
  it.each(COMPARISON_FORMAT_NAMES)('%s ends in a newline and is free of escape codes', async (name) => {
    const text = await render(name);
    expect(text.endsWith('\n')).toBe(true);
    expect(text).not.toContain('\u001b');
  });

  it('csv has a row per figure and result', async () => {
    const rows = parse<Record<string, string>>(await render('csv'), { columns: true });
    expect(rows).toHaveLength(4);
    expect(rows[3]).toMatchObject({ result: 'new', is_reference: 'off', delta: '30', verdict: 'worse', p_value: '' });
  });

  it('tsv has the same cells', async () => {
    const [header, ...lines] = (await render('tsv')).trimEnd().split('\n');
    expect(lines.map((line) => line.split('\t').length)).toEqual([17, 17, 17, 17]);
    expect(header.split('\t').at(-1)).toBe('verdict');
  });

  it('tap fails the rows that became worse', async () => {
    const lines = (await render('tap')).split('\n');
    expect(lines[1]).toBe('1..2');
    expect(lines[2]).toMatch(/^ok 1 - average: new: workload=ipi .*: same$/);
    expect(lines[3]).toMatch(/^not ok 2 - average: new: workload=ipi .*: \+30\.00 \(\+1\.00%\)$/);
  });

  it('bmf has what stands beside the reference', async () => {
    const bmf = JSON.parse(await render('bmf')) as Record<string, unknown>;
    expect(Object.values(bmf)[1]).toEqual({ average: { value: 3030 }, 'average change percent': { value: 1 } });
  });

  it('markdown is a table', async () => {
    expect(await render('markdown')).toContain('| ipiv=on | 3000.00 | 3030.00 | +30.00 (+1.00%) |\n');
  });

  it('json is all of it', async () => {
    expect(JSON.parse(await render('json'))).toEqual(comparison);
  });
});

describe('a change in words', () => {
  const measured = (changes: object): Change => ({
    kind: 'measured',
    delta: -20,
    percent: -20,
    p: 0.0004,
    test: 'Mann-Whitney, exact',
    n: [8, 8],
    interval: [-21, -19],
    shown: true,
    ...changes,
  });

  it.each<[string, Change, string, string]>([
    ['with evidence', measured({}), '-20.00% [-21.00%, -19.00%] (p=4e-4 n=8+8)', 'better'],
    ['without an interval', measured({ interval: null, percent: 3, delta: 1 }), '+3.00% (p=4e-4 n=8+8)', 'worse'],
    ['that nothing shows', measured({ p: 0.34, shown: false }), '~ (p=0.340 n=8+8)', 'not shown'],
    ['of the model', { kind: 'model error', delta: 0.5, percent: 0.01 }, 'model error +0.50 (+0.01%)', 'model error'],
    ['from nothing', { kind: 'exact', delta: 1, percent: null }, '+1.00', 'worse'],
    ['that was only counted', { kind: 'counted', delta: -1, percent: -50 }, '-1.00 (-50.00%) counted', 'not shown'],
    ['that is none', { kind: 'exact', delta: 0, percent: 0 }, 'same', 'same'],
  ])('%s', (_, change, text, verdict) => {
    expect(changeText(change)).toBe(text);
    expect(verdictOf(change)).toBe(verdict);
  });
});
