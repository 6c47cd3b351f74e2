/**
 * Perfetto's native format: a Trace message of TrackEvents (perfetto.dev, "Writing TrackEvent Protos Synthetically").
 * The process is the VM, each vCPU a thread; what else is known of a vCPU has tracks under its thread. Times are
 * nanoseconds of a clock of its own.
 */
import { ProtobufMessage } from './protobuf.js';
import { nanoseconds, type TraceRecording } from './recording.js';
import { threadId, VM_NAME, VM_PID } from './thread.js';
import { buildTimeline } from './timeline-builder.js';
import { COUNTERS, trackTitle, type Arguments, type Mark, type TimelineItem, type Track } from './timeline.js';

// Field numbers of the messages in protos/perfetto/trace
const TRACE = { packet: 1 } as const;
const TRACE_PACKET = {
  timestamp: 8,
  trustedPacketSequenceId: 10,
  trackEvent: 11,
  sequenceFlags: 13,
  trackDescriptor: 60,
} as const;
const TRACK_DESCRIPTOR = { uuid: 1, name: 2, process: 3, thread: 4, parentUuid: 5, counter: 8 } as const;
const PROCESS_DESCRIPTOR = { pid: 1, processName: 6 } as const;
const THREAD_DESCRIPTOR = { pid: 1, tid: 2, threadName: 5 } as const;
const COUNTER_DESCRIPTOR = { unitName: 6 } as const;
const TRACK_EVENT = {
  debugAnnotations: 4,
  type: 9,
  trackUuid: 11,
  categories: 22,
  name: 23,
  counterValue: 30,
  flowIds: 47,
  terminatingFlowIds: 48,
} as const;
const DEBUG_ANNOTATION = { boolValue: 2, intValue: 4, stringValue: 6, name: 10 } as const;

const TYPE = { begin: 1, end: 2, instant: 3, counter: 4 } as const;
const SEQ_INCREMENTAL_STATE_CLEARED = 1;
const SEQUENCE_ID = 1;
const PROCESS_UUID = 1;

/** Packet by packet: a Trace message is nothing but its packets, one behind the other. */
export function* perfettoBytes(recording: TraceRecording): Generator<Uint8Array, void, void> {
  const { tracks, items } = buildTimeline(recording);
  const uuids = new Map(tracks.map((track, index) => [track, PROCESS_UUID + 1 + index]));
  const threads = new Map(tracks.filter(({ kind }) => kind === 'vcpu').map((track) => [track.cpu, uuids.get(track)]));
  yield packet(describeProcess(recording).varint(TRACE_PACKET.sequenceFlags, SEQ_INCREMENTAL_STATE_CLEARED));
  for (const track of tracks) {
    const parent = track.kind === 'vcpu' ? PROCESS_UUID : threads.get(track.cpu);
    yield packet(describeTrack(track, uuids.get(track) ?? 0, parent ?? PROCESS_UUID));
  }
  for (const item of items) {
    const event = trackEvent(item, recording).varint(TRACK_EVENT.trackUuid, uuids.get(item.track) ?? 0);
    const message = new ProtobufMessage().varint(TRACE_PACKET.timestamp, nanoseconds(recording, item.at));
    yield packet(message.message(TRACE_PACKET.trackEvent, event));
  }
}

function packet(message: ProtobufMessage): Uint8Array {
  message.varint(TRACE_PACKET.trustedPacketSequenceId, SEQUENCE_ID);
  return new ProtobufMessage().message(TRACE.packet, message).finish();
}

function describeProcess({ title }: TraceRecording): ProtobufMessage {
  const process = new ProtobufMessage()
    .varint(PROCESS_DESCRIPTOR.pid, VM_PID)
    .text(PROCESS_DESCRIPTOR.processName, `${VM_NAME}: ${title}`);
  const descriptor = new ProtobufMessage()
    .varint(TRACK_DESCRIPTOR.uuid, PROCESS_UUID)
    .message(TRACK_DESCRIPTOR.process, process);
  return new ProtobufMessage().message(TRACE_PACKET.trackDescriptor, descriptor);
}

function describeTrack(track: Track, uuid: number, parent: number): ProtobufMessage {
  const descriptor = new ProtobufMessage()
    .varint(TRACK_DESCRIPTOR.uuid, uuid)
    .varint(TRACK_DESCRIPTOR.parentUuid, parent);
  const unit = COUNTERS[track.kind];
  if (track.kind === 'vcpu') {
    descriptor.message(TRACK_DESCRIPTOR.thread, describeThread(track));
  } else {
    descriptor.text(TRACK_DESCRIPTOR.name, trackTitle(track));
    if (unit !== undefined) {
      descriptor.message(TRACK_DESCRIPTOR.counter, new ProtobufMessage().text(COUNTER_DESCRIPTOR.unitName, unit));
    }
  }
  return new ProtobufMessage().message(TRACE_PACKET.trackDescriptor, descriptor);
}

function describeThread(track: Track): ProtobufMessage {
  return new ProtobufMessage()
    .varint(THREAD_DESCRIPTOR.pid, VM_PID)
    .varint(THREAD_DESCRIPTOR.tid, threadId(track.cpu))
    .text(THREAD_DESCRIPTOR.threadName, trackTitle(track));
}

function trackEvent(item: TimelineItem, recording: TraceRecording): ProtobufMessage {
  const event = new ProtobufMessage().varint(TRACK_EVENT.type, TYPE[item.kind]);
  if (item.kind === 'counter') event.int64(TRACK_EVENT.counterValue, item.value);
  else if (item.kind !== 'end') describeMark(event, item, recording);
  return event;
}

function describeMark(event: ProtobufMessage, mark: Mark, { ticksPerCycle }: TraceRecording): void {
  event.text(TRACK_EVENT.categories, mark.track.kind).text(TRACK_EVENT.name, mark.name);
  const all: Arguments = { ...mark.arguments, tsc: Math.floor(mark.at / ticksPerCycle) };
  for (const [name, value] of Object.entries(all)) event.message(TRACK_EVENT.debugAnnotations, annotation(name, value));
  for (const id of mark.flows) event.fixed64(TRACK_EVENT.flowIds, id);
  for (const id of mark.endingFlows) event.fixed64(TRACK_EVENT.terminatingFlowIds, id);
}

function annotation(name: string, value: string | number | boolean): ProtobufMessage {
  const message = new ProtobufMessage().text(DEBUG_ANNOTATION.name, name);
  if (typeof value === 'boolean') return message.varint(DEBUG_ANNOTATION.boolValue, value);
  if (typeof value === 'number') return message.int64(DEBUG_ANNOTATION.intValue, value);
  return message.text(DEBUG_ANNOTATION.stringValue, value);
}
