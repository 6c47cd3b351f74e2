/** Chrome's Trace Event Format: JSON for chrome://tracing, Perfetto and Speedscope. Times are microseconds. */
import type { TraceRecording } from './recording.js';
import { threadId, VM_NAME, VM_PID } from './thread.js';
import { buildTimeline } from './timeline-builder.js';
import { COUNTERS, trackTitle, type Mark, type TimelineItem, type Track, type TrackKind } from './timeline.js';

const NS_PER_US = 1000;
/** Decimals of a microsecond: less than a tick at any frequency. */
const DECIMALS = 6;
/** Distance of the thread IDs of a vCPU's other tracks. */
const TRACK_STRIDE = 10_000;
const KINDS: readonly TrackKind[] = ['vcpu', 'interrupts', 'steps', 'instructions'];

type Entry = Readonly<Record<string, unknown>>;

/** The JSON of a trace, entry by entry. */
export function* chromeText(recording: TraceRecording): Generator<string, void, void> {
  const { tracks, items } = buildTimeline(recording);
  yield '{"displayTimeUnit":"ns","otherData":' + JSON.stringify(otherData(recording)) + ',"traceEvents":[\n';
  yield JSON.stringify({ name: 'process_name', ph: 'M', pid: VM_PID, args: { name: VM_NAME } });
  for (const track of tracks) for (const entry of trackEntries(track)) yield `,\n${JSON.stringify(entry)}`;
  const seen = new Set<number>();
  for (const item of items) {
    for (const entry of itemEntries(item, recording, seen)) yield `,\n${JSON.stringify(entry)}`;
  }
  yield '\n]}\n';
}

function otherData({ title, tscGHz, lost }: TraceRecording): Entry {
  return { title, tscGHz, lostEvents: lost.reduce((sum, count) => sum + count, 0) };
}

function tid({ cpu, kind }: Track): number {
  return threadId(cpu) + KINDS.indexOf(kind) * TRACK_STRIDE;
}

function trackEntries(track: Track): Entry[] {
  if (COUNTERS[track.kind] !== undefined) return [];
  const place = { ph: 'M', pid: VM_PID, tid: tid(track) };
  return [
    { name: 'thread_name', ...place, args: { name: trackTitle(track) } },
    { name: 'thread_sort_index', ...place, args: { sort_index: track.cpu * KINDS.length + KINDS.indexOf(track.kind) } },
  ];
}

function itemEntries(item: TimelineItem, recording: TraceRecording, seen: Set<number>): Entry[] {
  const { tscGHz, ticksPerCycle } = recording;
  const ts = Number((item.at / ticksPerCycle / tscGHz / NS_PER_US).toFixed(DECIMALS));
  if (item.kind === 'counter') {
    const name = trackTitle(item.track);
    return [{ name, ph: 'C', ts, pid: VM_PID, args: { value: item.value } }];
  }
  const place = { ts, pid: VM_PID, tid: tid(item.track) };
  if (item.kind === 'end') return [{ ph: 'E', ...place }];
  const cycles = { tsc: Math.floor(item.at / ticksPerCycle) };
  const shape = item.kind === 'begin' ? { ph: 'B' } : { ph: 'i', s: 't' };
  const entry = { name: item.name, cat: item.track.kind, ...shape, ...place, args: { ...item.arguments, ...cycles } };
  return [entry, ...flowEntries(item, place, seen)];
}

function flowEntries({ flows, endingFlows }: Mark, place: Entry, seen: Set<number>): Entry[] {
  const flow = { name: 'IPI', cat: 'ipi', ...place };
  const passing = flows.map((id) => ({ ...flow, ph: seen.has(id) ? 't' : 's', id }));
  for (const id of flows) seen.add(id);
  return [...passing, ...endingFlows.map((id) => ({ ...flow, ph: 'f', bp: 'e', id }))];
}
