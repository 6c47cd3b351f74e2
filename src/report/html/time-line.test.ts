import { describe, expect, it } from 'vitest';
import type { CaseExplanation, PathLine } from '../../result/explanation.js';
import type { Canvas } from './chart.js';
import { timeLine } from './time-line.js';

const known = { count: 1, instructions: 0, source: 'assumed', group: null, identifiable: true } as const;
const line = (name: string, cpu: number, start: number, cycles: number): PathLine => ({
  ...{ ...known, name, cpu, start, cycles, share: cycles / 100 },
});

/** The target polls three times: `explain` gives such a pattern as two lines, each with all its cycles. */
const EXPLANATION: CaseExplanation = {
  ...{ id: 'case', settings: {}, profile: { name: 'p', hash: 'h' }, groups: {}, iterations: 1, iteration: 1 },
  ...{ average: 101, cycles: 100, rest: 1, typical: false },
  path: [
    { name: 'sender', cycles: 30, lines: [line('vm-exit', 0, 0, 30)] },
    { name: 'flight', cycles: 20, lines: [line('ipi-flight', 0, 30, 20)] },
    { name: 'target', cycles: 50, lines: [line('halt-poll-iteration', 1, 50, 30), line('line-transfer', 1, 60, 20)] },
  ],
  overlapped: [
    {
      cpu: 0,
      start: 50,
      cycles: 60,
      slack: 5,
      endsWithStore: false,
      work: [{ ...known, name: 'vm-entry', cycles: 60 }],
    },
  ],
  sender: { busyCycles: 90, exits: {} },
  target: { busyCycles: 50, exits: {} },
};

const chart = timeLine('t', [{ label: 'hlt, IPIv off', explanation: EXPLANATION }]);
const canvas: Canvas = {
  width: 862,
  across: (_, scale) => (field) => ({ field, type: 'quantitative', axis: {}, scale }),
};
const [path, beside] = chart
  .draw(canvas)
  .layer.map(({ data }) => (data as { values: Record<string, unknown>[] }).values);

describe('a time line', () => {
  it('puts every line of the path behind the one before it, into the lane of its CPU', () => {
    expect(path.map(({ lane, from, to }) => [(JSON.parse(String(lane)) as string[])[1], from, to])).toEqual([
      ['sender', 0, 30],
      ['wire', 30, 50],
      ['target', 50, 80],
      ['target', 80, 100],
    ]);
  });

  it('shows what overlaps beside the path, also beyond its end', () => {
    expect(beside).toMatchObject([{ from: 50, to: 110, text: 'off the critical path: vm-entry: 60.00 cycles' }]);
  });

  it('has every line, the rest and the slack in its table', () => {
    expect(
      [...chart.data.text.matchAll(/<td>([\d.]+)<\/td>\s*<td>(?:[\d.]+%)?<\/td>/g)].map(([, cycles]) => cycles),
    ).toEqual([...['30.00', '20.00', '30.00', '20.00'], ...['1.00', '60.00']]);
    expect(chart.data.text).toContain('slack 5.00');
  });

  it('says where no iteration stands for the loop', () => {
    expect(chart.title).toBe('Time line of one iteration: hlt');
    expect(chart.notes).toEqual([expect.stringMatching(/^The iterations beside it consist of other steps/)]);
  });
});
