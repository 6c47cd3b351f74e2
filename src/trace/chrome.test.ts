import { describe, expect, it } from 'vitest';
import { chromeText } from './chrome.js';
import { POSTED_IPI, recordingOf, SOFTWARE_IPI, type Told } from './test-support/recordings.js';

interface Entry {
  readonly name?: string;
  readonly ph: string;
  readonly ts?: number;
  readonly pid: number;
  readonly tid?: number;
  readonly id?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

function entries(told: readonly Told[]): Entry[] {
  const text = [...chromeText(recordingOf(told))].join('');
  return (JSON.parse(text) as { traceEvents: Entry[] }).traceEvents;
}

const ofPhase = (all: readonly Entry[], ph: string): Entry[] => all.filter((entry) => entry.ph === ph);

describe('a Chrome trace', () => {
  it('names the process and its threads', () => {
    const names = ofPhase(entries(SOFTWARE_IPI), 'M').filter(({ name }) => name !== 'thread_sort_index');
    expect(names.map(({ name, tid, args }) => [name, tid, args?.['name']])).toEqual([
      ['process_name', undefined, 'VM'],
      ['thread_name', 1001, 'vCPU 0'],
      ['thread_name', 1002, 'vCPU 1'],
      ['thread_name', 11002, 'vCPU 1 interrupts'],
    ]);
  });

  it('has as many beginnings as ends on every thread', () => {
    const all = entries(SOFTWARE_IPI);
    for (const tid of [1001, 1002, 11002]) {
      const here = all.filter((entry) => entry.tid === tid);
      expect(ofPhase(here, 'B').length).toBe(ofPhase(here, 'E').length);
    }
  });

  it('gives times in microseconds, and in cycles beside', () => {
    const write = entries(POSTED_IPI).find(({ name }) => name === 'ipiv_icr_write');
    expect(write).toMatchObject({ ts: 0.5, args: { icr: '0x100004020', outcome: 'posted', tsc: 1000 } });
  });

  it('draws an arrow from the ICR write over the target to the EOI', () => {
    const flow = entries(POSTED_IPI).filter(({ id }) => id !== undefined);
    expect(flow.map(({ ph, tid }) => [ph, tid])).toEqual([
      ['s', 1001],
      ['t', 1001],
      ['t', 1002],
      ['t', 1002],
      ['f', 1002],
    ]);
    expect(new Set(flow.map(({ id }) => id)).size).toBe(1);
  });

  it('counts', () => {
    expect(ofPhase(entries(SOFTWARE_IPI), 'C').map(({ name, args }) => [name, args?.['value']])).toEqual([
      ['vCPU 0 VM exits', 1],
      ['vCPU 1 requests in PIR', 1],
      ['vCPU 1 requests in PIR', 0],
    ]);
  });

  it('is JSON even when nothing has happened', () => {
    expect(entries([]).every(({ ph }) => ph === 'M')).toBe(true);
  });
});
