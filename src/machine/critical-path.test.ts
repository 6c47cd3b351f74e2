import { describe, expect, it } from 'vitest';
import { CriticalPaths, type CriticalPath } from './critical-path.js';
import type { Doing, ObservedIterations, Span } from './observation.js';

type Piece = readonly [doing: Doing, ticks: number, more?: Partial<Span>];

/** One CPU's spans from time 0 on. */
function timeline(...pieces: readonly Piece[]): Span[] {
  let start = 0;
  return pieces.map(([doing, ticks, more = {}]) => {
    const span: Span = { start, ticks, doing, instructions: 1, rip: -1, loopLength: 0, ...more };
    start += ticks;
    return span;
  });
}

function seen(spans: readonly (readonly Span[])[], more: Partial<ObservedIterations> = {}): ObservedIterations {
  return { starts: [], spans, flights: [], transfers: [], stores: [], ...more };
}

const texts = ({ pieces }: CriticalPath): string[] =>
  pieces.map(({ cpu, start, ticks, doing }) => `${cpu} ${start}+${ticks} ${doing}`);

const LOOP = 0x10;
const IDLE_LOOP = 0x40;
const LINE = 0x1000;

/** CPU 0 sends at 100 and then spins; the IPI reaches CPU 1 at 150; it takes the line that CPU 0 reads at 260. */
function exchange(): ObservedIterations {
  const sender = timeline(
    ['ipiv-icr-write', 100],
    ['guest-instructions', 5],
    ['guest-instructions', 2, { rip: LOOP }],
    ['idle', 148, { loopLength: 1 }],
    ['guest-instructions', 7, { rip: LOOP }],
    ['line-transfer', 30, { rip: LOOP }],
    ['spin-exit', 8],
    ['guest-instructions', 100],
  );
  const target = timeline(
    ['guest-instructions', 4, { rip: IDLE_LOOP }],
    ['idle', 144, { loopLength: 1 }],
    ['guest-instructions', 4, { rip: IDLE_LOOP }],
    ['interrupt-recognition', 60],
    ['line-transfer', 48, { rip: 0x20 }],
    ['guest-instructions', 10],
    ['iretq', 20],
    ['idle', 1000, { loopLength: 1 }],
    ['interrupt-recognition', 60],
  );
  return seen([sender, target], {
    flights: [{ from: 0, to: 1, vector: 0xf2, sentAt: 100, arrivesAt: 150 }],
    transfers: [
      { at: 260, cpu: 1, pa: LINE, write: true },
      { at: 292, cpu: 0, pa: LINE, write: false },
    ],
    stores: [{ at: 270, cpu: 1, pa: LINE }],
  });
}

describe('a critical path', () => {
  it('goes from the waiting CPU to the one that took its line, and from there to the sender of the IPI', () => {
    expect(texts(new CriticalPaths(exchange()).path(0, 400))).toEqual([
      '0 0+100 ipiv-icr-write',
      '0 100+50 ipi-flight',
      '1 150+2 loop-phase',
      '1 152+60 interrupt-recognition',
      '1 212+48 line-transfer',
      '0 260+2 loop-phase',
      '0 262+30 line-transfer',
      '0 292+8 spin-exit',
      '0 300+100 guest-instructions',
    ]);
  });

  it.each([
    [0, 400],
    [20, 390],
    [170, 262],
    [261, 265],
  ])('fills the time from %i to %i', (from, to) => {
    const { pieces } = new CriticalPaths(exchange()).path(from, to);
    expect(pieces.reduce((sum, { ticks }) => sum + ticks, 0)).toBe(to - from);
    expect(pieces[0].start).toBe(from);
  });

  it('stays with a CPU that was busy when the IPI arrived', () => {
    const target = timeline(['iretq', 140], ['vm-exit', 30], ['interrupt-recognition', 42], ['guest-instructions', 48]);
    const { spans, ...rest } = exchange();
    const path = new CriticalPaths(seen([spans[0], target], rest)).path(0, 400);
    expect(texts(path).slice(0, 3)).toEqual(['1 0+140 iretq', '1 140+30 vm-exit', '1 170+42 interrupt-recognition']);
  });

  it('stays with a sender that never had to wait', () => {
    const sender = timeline(['vm-entry', 300], ['line-transfer', 30, { rip: LOOP }], ['guest-instructions', 70]);
    const { spans, ...rest } = exchange();
    const path = new CriticalPaths(seen([sender, spans[1]], rest)).path(0, 400);
    expect(texts(path)).toEqual(['0 0+300 vm-entry', '0 300+30 line-transfer', '0 330+70 guest-instructions']);
  });

  it('takes a loop for waiting that was not long enough to be skipped', () => {
    const sender = timeline(
      ['ipiv-icr-write', 240],
      ['guest-instructions', 7, { rip: LOOP }],
      ['guest-instructions', 7, { rip: LOOP + 2 }],
      ['guest-instructions', 8, { rip: LOOP + 4 }],
      ['line-transfer', 30, { rip: LOOP }],
      ['guest-instructions', 108],
    );
    const { spans, ...rest } = exchange();
    expect(new CriticalPaths(seen([sender, spans[1]], rest)).path(0, 400).handovers).toEqual([
      { pa: LINE, writer: 1, takenAt: 260, returnedAt: 292 },
    ]);
  });

  it('takes polling of the host for waiting', () => {
    const target = timeline(
      ['halt-poll-iteration', 60],
      ['halt-poll-iteration', 60],
      ['line-transfer', 30],
      ['vm-entry', 110],
    );
    const sender = timeline(['on-post', 100], ['idle', 155, { loopLength: 1 }]);
    const transfers = [
      { at: 100, cpu: 0, pa: LINE, write: true },
      { at: 150, cpu: 1, pa: LINE, write: false },
      { at: 260, cpu: 1, pa: 2 * LINE, write: true },
      { at: 292, cpu: 0, pa: 2 * LINE, write: false },
    ];
    const spans = [[...sender, ...exchange().spans[0].slice(4)], target];
    expect(texts(new CriticalPaths(seen(spans, { transfers })).path(0, 300)).slice(0, 4)).toEqual([
      '0 0+100 on-post',
      '1 100+20 loop-phase',
      '1 120+30 line-transfer',
      '1 150+110 vm-entry',
    ]);
  });
});

describe('overlapped work', () => {
  it('is what neither waits nor is on the path, with the time it has left', () => {
    const paths = new CriticalPaths(exchange());
    const path = paths.path(0, 400);
    const work = paths.overlapped(0, 400, [path]).map(({ cpu, start, spans, slack, endsWithStore }) => ({
      ...{ cpu, start, slack, endsWithStore },
      doing: spans.map(({ doing }) => doing),
    }));
    expect(work).toEqual([
      { cpu: 0, start: 100, slack: 157, endsWithStore: false, doing: ['guest-instructions'] },
      { cpu: 1, start: 260, slack: 22, endsWithStore: true, doing: ['guest-instructions'] },
      { cpu: 1, start: 270, slack: 1000, endsWithStore: false, doing: ['iretq'] },
    ]);
  });

  it('belongs to the iteration in which it begins', () => {
    const paths = new CriticalPaths(exchange());
    const path = paths.path(0, 400);
    expect(paths.overlapped(0, 265, [path])).toHaveLength(3);
    expect(paths.overlapped(265, 400, [path])).toHaveLength(0);
  });
});
