import { describe, expect, it } from 'vitest';
import { outcome, sampleResult } from '../../test/support/sample-result.js';
import { plot } from './plot.js';
import { styleFor } from './style.js';

const AVERAGES = [1000, 1000, 1010, 1040];
const result = (averages: readonly number[] = AVERAGES, scenario: object = { ipiv: [false, true] }) =>
  sampleResult({ name: 'sample', runs: averages.length, ...scenario }, ({ settings }, run) =>
    outcome(averages[run] - (settings['ipiv'] === true ? 20 : 0)),
  );
const lines = (text: string): string[] => text.split('\n').slice(3);

describe('a plot', () => {
  it('shows all cases of a table on one scale: a column is as high as there are runs in it', () => {
    expect(lines(plot.render(result(), styleFor(false, 66)))).toEqual([
      '                                          lowest   median  highest',
      'x2APIC, IPIv off         █  ▄         ▄     1000     1005     1040',
      'x2APIC, IPIv on   █  ▄          ▄            980      985     1020',
      '                  980              1040',
      '',
    ]);
  });

  it.each([[60], [80], [120]])('stays within %d columns', (width) => {
    const widths = plot
      .render(result([1, 12_345_678.5]), styleFor(false, width))
      .split('\n')
      .slice(3)
      .map(({ length }) => length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(width);
  });

  it('leaves the numbers out where there is no room for them', () => {
    expect(lines(plot.render(result(), styleFor(false, 36)))[0]).toMatch(/^x2APIC, IPIv off +█[ ▄]+$/);
  });

  it('puts a single value into the middle', () => {
    const text = plot.render(result([500, 500], { ipiv: false }), styleFor(false, 60));
    expect(lines(text)[1]).toMatch(/^x2APIC {14}█ {18}500 {6}500 {6}500$/);
    expect(lines(text)[2]).toMatch(/^ {20}500$/);
  });

  it('is plain where colour is off', () => {
    expect(plot.render(result(), styleFor(false))).not.toMatch(/\u001b/);
    expect(plot.render(result(), styleFor(true))).toContain('\u001b[2m');
  });

  it('says that there is no run', () => {
    const [first] = result().cases;
    const none = { ...first, runs: [], summary: { ...first.summary, average: null } };
    expect(plot.render({ ...result(), cases: [none] }, styleFor(false))).toMatch(/\n\nno runs\n$/);
  });
});
