import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SavedResult } from '../../result/saved-result.js';
import { cpuBars } from './breakdown.js';
import { insideText } from './chart.js';

const { cases } = JSON.parse(readFileSync('results/baselines/ap-halt.json', 'utf8')) as SavedResult;

describe('the breakdown by CPU', () => {
  it.each(cases.map((record) => [record.id, record] as const))('adds up to the busy cycles of %s', (_, record) => {
    const bars = cpuBars([record], ['case']);
    expect(bars.map(({ label }) => label)).toEqual(['case: sender', 'case: target']);
    const totals = bars.map(({ steps }) => [...steps.values()].reduce((sum, cycles) => sum + cycles, 0));
    const busy = (['sender', 'target'] as const).map((role) => record.activity[role].busyCycles / record.iterations);
    totals.forEach((total, index) => expect(total).toBeCloseTo(busy[index], 6));
  });
});

describe('the text in a bar', () => {
  it('is the name of the step where it fits, else its cycles, else nothing', () => {
    expect([100, 30, 10].map((pixels) => insideText('vm-exit', 100, pixels / 100))).toEqual(['vm-exit', '100', '']);
  });
});
