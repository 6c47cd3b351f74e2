/** Makes a timeline of a trace: who was where, when, and why. */
import type { TraceEvent, TraceRecord } from './event.js';
import { IpiFlows } from './ipi-flows.js';
import type { TraceRecording } from './recording.js';
import type { Arguments, Mark, Timeline, TimelineItem, Track, TrackKind } from './timeline.js';
import { hex } from './tracepoint.js';
import { eventValues, tracepointOf } from './tracepoints.js';

/** The timeline of a whole recording. */
export function buildTimeline(recording: TraceRecording): Timeline {
  const builder = new TimelineBuilder(recording);
  for (const record of recording.records) builder.add(record);
  return builder.finish();
}

class TimelineBuilder {
  readonly #recording: TraceRecording;
  readonly #items: TimelineItem[] = [];
  readonly #tracks = new Map<string, Track>();
  /** Names of the open slices, by track. */
  readonly #open = new Map<Track, string[]>();
  readonly #flows: IpiFlows;
  readonly #exits: number[];
  readonly #requests: number[];
  readonly #begun: boolean[] = [];

  constructor(recording: TraceRecording) {
    this.#recording = recording;
    this.#flows = new IpiFlows(recording);
    this.#exits = Array.from({ length: recording.cpus }, () => 0);
    this.#requests = Array.from({ length: recording.cpus }, () => 0);
    for (let cpu = 0; cpu < recording.cpus; cpu++) this.#track(cpu, 'vcpu');
  }

  add(record: TraceRecord): void {
    const { cpu, event } = record;
    if (!this.#begun[cpu]) this.#beginTrack(record);
    this.#begun[cpu] = true;
    if (event.name === 'ipiv_step') this.#addSpan(record, 'steps', event.step, event.ticks);
    else if (event.name === 'ipiv_instruction') this.#addSpan(record, 'instructions', event.text, event.ticks);
    else this.#addEvent(record);
  }

  /** Everything still open ends with the last event. */
  finish(): Timeline {
    const last = this.#recording.records.at(-1)?.at ?? 0;
    for (const track of this.#open.keys()) this.#endAll(track, last);
    this.#items.sort((a, b) => a.at - b.at);
    return { tracks: [...this.#tracks.values()], items: this.#items };
  }

  #track(cpu: number, kind: TrackKind): Track {
    const key = `${kind} ${cpu}`;
    const known = this.#tracks.get(key);
    if (known !== undefined) return known;
    const track = { cpu, kind };
    this.#tracks.set(key, track);
    return track;
  }

  /** Where the vCPU was before its first event follows from its first entry or exit; without any it was in the guest. */
  #beginTrack({ cpu, at }: TraceRecord): void {
    const { records, events, lost } = this.#recording;
    if (!events.has('kvm_entry') || !events.has('kvm_exit')) return;
    const first = records.find(
      ({ cpu: other, event }) => other === cpu && (event.name === 'kvm_entry' || event.name === 'kvm_exit'),
    );
    const start = lost[cpu] > 0 ? at : records[0].at;
    this.#begin(this.#track(cpu, 'vcpu'), start, first?.event.name === 'kvm_entry' ? 'root mode' : 'guest', {});
  }

  #addSpan({ cpu, at }: TraceRecord, kind: TrackKind, name: string, ticks: number): void {
    const track = this.#track(cpu, kind);
    this.#begin(track, at - ticks, name, {});
    this.#end(track, at);
  }

  #addEvent(record: TraceRecord): void {
    const { cpu, at, event } = record;
    const track = this.#track(cpu, 'vcpu');
    const mark = this.#move(record, track) ?? this.#instant(track, at, event);
    this.#flows.add(record, mark);
    this.#count(record);
    this.#serve(record);
  }

  /** Slices of the vCPU's own track; null for an event that begins none. */
  #move({ at, event }: TraceRecord, track: Track): Mark | null {
    switch (event.name) {
      case 'kvm_entry':
        this.#endAll(track, at);
        return this.#begin(track, at, 'guest', this.#arguments(event));
      case 'kvm_exit':
        this.#endAll(track, at);
        return this.#begin(track, at, event.reasonName, this.#arguments(event));
      case 'ipiv_halt':
        return this.#begin(track, at, event.instruction, {});
      case 'ipiv_sched_out':
        return this.#begin(track, at, 'scheduled out', {});
      case 'ipiv_wake':
        this.#endNamed(track, at, ['hlt', 'mwait']);
        return null;
      case 'ipiv_sched_in':
        this.#endNamed(track, at, ['scheduled out']);
        return null;
      default:
        return null;
    }
  }

  /** Slices of interrupts in service. */
  #serve({ cpu, at, event }: TraceRecord): void {
    const isDelivery = event.name === 'ipiv_delivery' || (event.name === 'kvm_inj_virq' && !event.reinjected);
    if (isDelivery) this.#begin(this.#track(cpu, 'interrupts'), at, `vector ${event.vector}`, {});
    if (event.name === 'ipiv_eoi' || event.name === 'kvm_eoi') {
      this.#endNamed(this.#track(cpu, 'interrupts'), at, [`vector ${event.vector}`]);
    }
  }

  #count({ cpu, at, event }: TraceRecord): void {
    if (event.name === 'kvm_exit') this.#value(cpu, 'exits', at, this.#exits, this.#exits[cpu] + 1);
    if (event.name !== 'ipiv_pir_set' && event.name !== 'ipiv_pir_taken') return;
    const vcpu = this.#recording.descriptors.get(event.descriptor);
    if (vcpu === undefined) return;
    if (event.name === 'ipiv_pir_taken') this.#value(vcpu, 'requests', at, this.#requests, 0);
    else if (!event.wasSet) this.#value(vcpu, 'requests', at, this.#requests, this.#requests[vcpu] + 1);
  }

  #value(cpu: number, kind: TrackKind, at: number, values: number[], value: number): void {
    values[cpu] = value;
    this.#items.push({ kind: 'counter', track: this.#track(cpu, kind), at, value });
  }

  #instant(track: Track, at: number, event: TraceEvent): Mark {
    const mark: Mark = {
      kind: 'instant',
      track,
      at,
      name: event.name,
      arguments: this.#arguments(event),
      flows: [],
      endingFlows: [],
    };
    this.#items.push(mark);
    return mark;
  }

  #begin(track: Track, at: number, name: string, args: Arguments): Mark {
    const mark: Mark = { kind: 'begin', track, at, name, arguments: args, flows: [], endingFlows: [] };
    this.#items.push(mark);
    this.#open.set(track, [...(this.#open.get(track) ?? []), name]);
    return mark;
  }

  #end(track: Track, at: number): void {
    this.#open.get(track)?.pop();
    this.#items.push({ kind: 'end', track, at });
  }

  #endAll(track: Track, at: number): void {
    while ((this.#open.get(track)?.length ?? 0) > 0) this.#end(track, at);
  }

  /** Ends the innermost slice if it has one of these names. */
  #endNamed(track: Track, at: number, names: readonly string[]): void {
    if (names.includes(this.#open.get(track)?.at(-1) ?? '')) this.#end(track, at);
  }

  #arguments(event: TraceEvent): Arguments {
    const { fields } = tracepointOf(event.name);
    const values = eventValues(event, this.#recording);
    return Object.fromEntries(
      fields.map(([type, name], index) => {
        const value = values[index];
        const isWide = typeof value === 'bigint' || type === 'ulong' || type === 'u64';
        return [name, isWide ? `0x${hex(value as bigint)}` : value];
      }),
    );
  }
}
