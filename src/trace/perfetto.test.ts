import { describe, expect, it } from 'vitest';
import { perfettoBytes } from './perfetto.js';
import { ProtobufMessage } from './protobuf.js';
import { POSTED_IPI, recordingOf, SOFTWARE_IPI, type Told } from './test-support/recordings.js';
import { readMessage, type Message, type Schema } from './test-support/protobuf-reader.js';

// Fields of protos/perfetto/trace/**/*.proto that a trace of ours may use
const TRACK_DESCRIPTOR: Schema = {
  1: ['uuid', 'varint'],
  2: ['name', 'string'],
  3: ['process', { 1: ['pid', 'varint'], 6: ['process_name', 'string'] }],
  4: ['thread', { 1: ['pid', 'varint'], 2: ['tid', 'varint'], 5: ['thread_name', 'string'] }],
  5: ['parent_uuid', 'varint'],
  8: ['counter', { 6: ['unit_name', 'string'] }],
};
const ANNOTATION: Schema = {
  2: ['bool_value', 'varint'],
  4: ['int_value', 'varint'],
  6: ['string_value', 'string'],
  10: ['name', 'string'],
};
const TRACK_EVENT: Schema = {
  4: ['debug_annotations', ANNOTATION],
  9: ['type', 'varint'],
  11: ['track_uuid', 'varint'],
  22: ['categories', 'string'],
  23: ['name', 'string'],
  30: ['counter_value', 'varint'],
  47: ['flow_ids', 'fixed64'],
  48: ['terminating_flow_ids', 'fixed64'],
};
const TRACE: Schema = {
  1: [
    'packet',
    {
      8: ['timestamp', 'varint'],
      10: ['trusted_packet_sequence_id', 'varint'],
      11: ['track_event', TRACK_EVENT],
      13: ['sequence_flags', 'varint'],
      60: ['track_descriptor', TRACK_DESCRIPTOR],
    },
  ],
};

const [SLICE_BEGIN, SLICE_END, INSTANT, COUNTER] = [1, 2, 3, 4];

function packets(told: readonly Told[]): Message[] {
  const bytes = Buffer.concat([...perfettoBytes(recordingOf(told))]);
  return readMessage(bytes, TRACE)['packet'] as Message[];
}

const first = (message: Message, name: string): Message => (message[name] as Message[])[0];
const having = (all: readonly Message[], name: string): Message[] => all.filter((packet) => name in packet);
const events = (told: readonly Told[]): Message[] =>
  having(packets(told), 'track_event').map((packet) => first(packet, 'track_event'));

describe('a Perfetto trace', () => {
  it('describes the VM as a process, every vCPU as a thread of it, and other tracks under that', () => {
    const tracks = having(packets(SOFTWARE_IPI), 'track_descriptor').map((packet) => first(packet, 'track_descriptor'));
    const [process, ...others] = tracks;
    expect(first(process, 'process')).toMatchObject({ pid: [1000], process_name: ['VM: a test'] });
    const threads = others.filter((track) => 'thread' in track);
    expect(threads.map((track) => first(track, 'thread'))).toMatchObject([
      { pid: [1000], tid: [1001], thread_name: ['vCPU 0'] },
      { pid: [1000], tid: [1002], thread_name: ['vCPU 1'] },
    ]);
    expect(threads.every((track) => track['parent_uuid'][0] === process['uuid'][0])).toBe(true);
    const rest = others.filter((track) => !('thread' in track));
    expect(rest.map((track) => track['name'][0])).toEqual([
      ...['vCPU 0 VM exits', 'vCPU 1 requests in PIR', 'vCPU 1 interrupts'],
    ]);
    const uuids = threads.map((track) => track['uuid'][0]);
    for (const track of rest) expect(uuids).toContain(track['parent_uuid'][0]);
  });

  it('is one sequence, and every event names a described track', () => {
    const all = packets(SOFTWARE_IPI);
    const uuids = having(all, 'track_descriptor').map((packet) => first(packet, 'track_descriptor')['uuid'][0]);
    expect(new Set(uuids).size).toBe(uuids.length);
    for (const packet of all) expect(packet['trusted_packet_sequence_id']).toEqual([1]);
    for (const event of events(SOFTWARE_IPI)) expect(uuids).toContain(event['track_uuid'][0]);
  });

  it('opens and closes slices in order of time', () => {
    const all = having(packets(SOFTWARE_IPI), 'track_event');
    const times = all.map((packet) => packet['timestamp'][0] as number);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    const depths = new Map<unknown, number>();
    for (const event of events(SOFTWARE_IPI)) {
      const track = event['track_uuid'][0];
      const change = event['type'][0] === SLICE_BEGIN ? 1 : event['type'][0] === SLICE_END ? -1 : 0;
      depths.set(track, (depths.get(track) ?? 0) + change);
      expect(depths.get(track)).toBeGreaterThanOrEqual(0);
    }
    expect([...depths.values()].every((depth) => depth === 0)).toBe(true);
  });

  it('has nanoseconds, names, categories and arguments', () => {
    const [packet] = having(packets(POSTED_IPI), 'track_event').filter((each) =>
      having([first(each, 'track_event')], 'name').some(({ name }) => name[0] === 'ipiv_icr_write'),
    );
    expect(packet['timestamp']).toEqual([500]);
    const event = first(packet, 'track_event');
    expect(event).toMatchObject({ type: [INSTANT], categories: ['vcpu'] });
    expect(event['debug_annotations']).toEqual([
      { name: ['icr'], string_value: ['0x100004020'] },
      { name: ['outcome'], string_value: ['posted'] },
      { name: ['tsc'], int_value: [1000] },
    ]);
  });

  it('connects the ICR write with the EOI', () => {
    const all = events(POSTED_IPI);
    const passing = all.filter((event) => 'flow_ids' in event).map((event) => event['name'][0]);
    const ending = all.filter((event) => 'terminating_flow_ids' in event).map((event) => event['name'][0]);
    expect(passing).toEqual(['ipiv_icr_write', 'ipiv_pir_set', 'ipiv_pi_processed', 'ipiv_delivery']);
    expect(ending).toEqual(['ipiv_eoi']);
  });

  it('counts on counter tracks', () => {
    const counters = events(POSTED_IPI).filter((event) => event['type'][0] === COUNTER);
    expect(counters.map((event) => event['counter_value'][0])).toEqual([1, 0]);
  });
});

describe('the protobuf writer', () => {
  it('writes varints of every length, negative ones too', () => {
    const values = [0, 1, 127, 128, 16383, 16384, 2 ** 31, 2 ** 32, 2 ** 53 - 1];
    const message = new ProtobufMessage();
    for (const value of values) message.varint(1, value);
    message.int64(1, -1);
    expect(readMessage(message.finish(), { 1: ['value', 'varint'] })).toEqual({ value: [...values, -1] });
  });

  it('writes UTF-8 and nested messages', () => {
    const inner = new ProtobufMessage().text(20, 'µs').fixed64(3, 2 ** 40);
    const schema: Schema = { 1: ['inner', { 20: ['text', 'string'], 3: ['id', 'fixed64'] }] };
    const read = readMessage(new ProtobufMessage().message(1, inner).finish(), schema);
    expect(read).toEqual({ inner: [{ text: ['µs'], id: [2 ** 40] }] });
  });
});
