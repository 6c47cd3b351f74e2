import { describe, expect, it } from 'vitest';
import { eventsNamed, TRACE_EVENT_NAMES } from './event-selection.js';
import type { TraceEventName } from './event.js';
import { TraceRecorder, type RecorderOptions } from './recorder.js';

const ANY: RecorderOptions = { events: new Set(TRACE_EVENT_NAMES), cpus: null, from: 0, to: Infinity, limit: 3 };

function recorder(options: Partial<RecorderOptions> = {}, cpus = 2): TraceRecorder {
  return new TraceRecorder(cpus, { ...ANY, ...options });
}

function note(to: TraceRecorder, cpu: number, ...times: readonly number[]): void {
  for (const at of times) to.record(cpu, at, { name: 'ipiv_wake' });
}

const timesOf = (from: TraceRecorder): [cpu: number, at: number][] => from.records().map(({ cpu, at }) => [cpu, at]);

describe('the recorder', () => {
  it('puts the events of all CPUs in order of time, then of CPUs', () => {
    const all = recorder();
    note(all, 1, 5, 7);
    note(all, 0, 7, 9);
    expect(timesOf(all)).toEqual([
      [1, 5],
      [0, 7],
      [1, 7],
      [0, 9],
    ]);
  });

  it('keeps the last events of every CPU and counts those it lost', () => {
    const small = recorder();
    note(small, 0, 1, 2, 3, 4, 5);
    note(small, 1, 1);
    expect(timesOf(small)).toEqual([
      [1, 1],
      [0, 3],
      [0, 4],
      [0, 5],
    ]);
    expect(small.lost()).toEqual([2, 0]);
  });

  it('takes a sending that is told late in its order', () => {
    const all = recorder();
    note(all, 0, 10, 4);
    expect(timesOf(all)).toEqual([
      [0, 4],
      [0, 10],
    ]);
  });

  it('selects by CPU, event and time, both ends included', () => {
    const some = recorder({ cpus: new Set([1]), events: new Set<TraceEventName>(['ipiv_wake']), from: 2, to: 3 });
    note(some, 0, 2);
    note(some, 1, 1, 2, 3, 4);
    some.record(1, 2, { name: 'ipiv_eoi', vector: 1 });
    expect(timesOf(some)).toEqual([
      [1, 2],
      [1, 3],
    ]);
  });

  it('forgets what was before the beginning, the lost ones too', () => {
    const all = recorder();
    note(all, 0, 1, 2, 3, 4, 5);
    all.beginAt(5);
    note(all, 0, 6);
    expect(timesOf(all)).toEqual([
      [0, 5],
      [0, 6],
    ]);
    expect(all.lost()).toEqual([0, 0]);
  });

  it('leaves out what a CPU that has run ahead did after the end', () => {
    const all = recorder();
    note(all, 1, 5, 9);
    all.endAt(6);
    note(all, 1, 10, 11, 12, 13);
    expect(timesOf(all)).toEqual([[1, 5]]);
  });

  it('begins anew with what a CPU that has run ahead did before it was told', () => {
    const all = recorder();
    note(all, 1, 5);
    all.endAt(6);
    note(all, 1, 10, 20);
    all.beginAt(15);
    note(all, 1, 21);
    expect(timesOf(all)).toEqual([
      [1, 20],
      [1, 21],
    ]);
  });
});

describe('names of events', () => {
  it('stand for one event or a group', () => {
    expect(eventsNamed('kvm_exit')).toEqual(['kvm_exit']);
    expect(eventsNamed('steps')).toEqual(['ipiv_step']);
    expect(eventsNamed('kvm')?.every((name) => name.startsWith('kvm_'))).toBe(true);
    expect(eventsNamed('toString')).toBeNull();
    expect(eventsNamed('exit')).toBeNull();
  });
});
