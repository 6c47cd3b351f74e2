/** Binary event records and the format files that describe them (Documentation/trace/events.rst). */
import { ByteWriter } from './byte-writer.js';
import { TRACE_EVENT_NAMES } from './event-selection.js';
import type { TraceEventName, TraceRecord } from './event.js';
import type { TraceRecording } from './recording.js';
import { threadId } from './thread.js';
import { FIELD_TYPES, type FieldType, type FieldValue } from './tracepoint.js';
import { eventValues, tracepointOf } from './tracepoints.js';

/** Numbers below belong to the kernel's own tracers. */
const FIRST_EVENT_ID = 300;
const COMMON_SIZE = 8;
const COMMON_FIELDS = [
  '\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;',
  '\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;',
  '\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;',
  '\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;',
];
const FLAG_IRQS_OFF = 1;

function eventId(name: TraceEventName): number {
  return FIRST_EVENT_ID + TRACE_EVENT_NAMES.indexOf(name);
}

function alignment(type: FieldType): number {
  return type === 'text' ? 1 : FIELD_TYPES[type].size;
}

/** The format file of an event. */
export function formatFile(name: TraceEventName, recording: TraceRecording): string {
  const { fields, print } = tracepointOf(name);
  let offset = COMMON_SIZE;
  const lines = fields.map(([type, field]) => {
    const { c, size, signed } = FIELD_TYPES[type];
    offset = Math.ceil(offset / alignment(type)) * alignment(type);
    const declaration = type === 'text' ? `${c} ${field}[${size}]` : `${c} ${field}`;
    const line = `\tfield:${declaration};\toffset:${offset};\tsize:${size};\tsigned:${signed ? 1 : 0};`;
    offset += size;
    return line;
  });
  const parts = [`name: ${name}`, `ID: ${eventId(name)}`, 'format:', ...COMMON_FIELDS, '', ...lines, ''];
  return `${parts.join('\n')}\nprint fmt: ${print(recording)}\n`;
}

/** The record of an event, a multiple of 4 bytes long. */
export function eventRecord(
  { cpu, event }: TraceRecord,
  recording: TraceRecording,
  interruptsOff: boolean,
): Uint8Array {
  const { fields } = tracepointOf(event.name);
  const values = eventValues(event, recording);
  const writer = new ByteWriter().u16(eventId(event.name));
  writer.u8(interruptsOff ? FLAG_IRQS_OFF : 0).u8(interruptsOff ? 1 : 0);
  writer.u32(threadId(cpu));
  fields.forEach(([type], index) => {
    writer.align(alignment(type));
    writeValue(writer, type, values[index]);
  });
  return writer.align(4).finish();
}

function writeValue(writer: ByteWriter, type: FieldType, value: FieldValue): void {
  const { size } = FIELD_TYPES[type];
  if (type === 'text') writeText(writer, String(value), size);
  else if (size === 8) writer.u64(BigInt(value));
  else if (size === 4) writer.u32(Number(value));
  else if (size === 2) writer.u16(Number(value));
  else writer.u8(Number(value));
}

/** A char array with its end mark; what does not fit is cut off. */
function writeText(writer: ByteWriter, text: string, size: number): void {
  const bytes = new Uint8Array(size);
  new TextEncoder().encodeInto(text, bytes.subarray(0, size - 1));
  writer.bytes(bytes);
}
