/** The file that `trace-cmd record` writes, version 6 (trace-cmd.dat.v6(5)): trace-cmd report and KernelShark read it. */
import { ByteWriter } from './byte-writer.js';
import { eventRecord, formatFile } from './event-record.js';
import { TRACE_EVENT_NAMES } from './event-selection.js';
import type { TraceEventName } from './event.js';
import { WITH_INTERRUPTS_OFF } from './ftrace.js';
import { TRACE_CLOCKS, type TraceClock } from './trace-clock.js';
import { nanoseconds, tscOf, type TraceRecording } from './recording.js';
import { HEADER_EVENT, HEADER_PAGE, PAGE_SIZE, ringBufferPages } from './ring-buffer.js';
import { threadId, threadName, VM_NAME, VM_PID } from './thread.js';
import { systemOf } from './tracepoints.js';

const MAGIC = [0x17, 0x08, 0x44];
const LITTLE_ENDIAN = 0;
const LONG_SIZE = 8;
const OPTION_DONE = 0;
const OPTION_TRACECLOCK = 4;
/** Offset and size of one CPU's data. */
const CPU_ENTRY_SIZE = 16;

/** The file of a trace: its head, then the data of each CPU. */
export function* traceDatBytes(recording: TraceRecording, clock: TraceClock): Generator<Uint8Array, void, void> {
  const file = new ByteWriter();
  writeStart(file);
  writeFormats(file, recording);
  writeTasks(file, recording);
  file.u32(recording.cpus);
  writeOptions(file, clock);
  file.text('flyrecord\0');
  const cpus = Array.from({ length: recording.cpus }, (_, cpu) => cpuData(recording, cpu, clock));
  let offset = pageAligned(file.length + cpus.length * CPU_ENTRY_SIZE);
  for (const data of cpus) {
    file.u64(offset).u64(data.length);
    offset += data.length;
  }
  yield file.align(PAGE_SIZE).finish();
  yield* cpus;
}

function writeStart(file: ByteWriter): void {
  file.bytes(Uint8Array.from(MAGIC)).text('tracing').text('6\0');
  file.u8(LITTLE_ENDIAN).u8(LONG_SIZE).u32(PAGE_SIZE);
  file.text('header_page\0').u64(HEADER_PAGE.length).text(HEADER_PAGE);
  file.text('header_event\0').u64(HEADER_EVENT.length).text(HEADER_EVENT);
}

/** Nothing of the kernel's own tracers; then the events by system. */
function writeFormats(file: ByteWriter, recording: TraceRecording): void {
  file.u32(0);
  const systems = [...new Set(TRACE_EVENT_NAMES.map(systemOf))];
  file.u32(systems.length);
  for (const system of systems) {
    const names: readonly TraceEventName[] = TRACE_EVENT_NAMES.filter((name) => systemOf(name) === system);
    file.text(`${system}\0`).u32(names.length);
    for (const name of names) {
      const format = formatFile(name, recording);
      file.u64(format.length).text(format);
    }
  }
}

/** No kernel symbols, no trace_printk formats, and the names of the threads. */
function writeTasks(file: ByteWriter, { cpus }: TraceRecording): void {
  file.u32(0).u32(0);
  const threads = Array.from({ length: cpus }, (_, cpu) => `${threadId(cpu)} ${threadName(cpu)}\n`);
  const tasks = `${VM_PID} ${VM_NAME}\n${threads.join('')}`;
  file.u64(tasks.length).text(tasks);
}

function writeOptions(file: ByteWriter, clock: TraceClock): void {
  const clocks = TRACE_CLOCKS.map((name) => (name === clock ? `[${name}]` : name)).join(' ');
  file.text('options  \0');
  file
    .u16(OPTION_TRACECLOCK)
    .u32(clocks.length + 1)
    .text(`${clocks}\0`);
  file.u16(OPTION_DONE);
}

function cpuData(recording: TraceRecording, cpu: number, clock: TraceClock): Uint8Array {
  const timeOf = clock === 'local' ? nanoseconds : tscOf;
  const records = recording.records
    .filter((record) => record.cpu === cpu)
    .map((record) => ({
      time: timeOf(recording, record.at),
      bytes: eventRecord(record, recording, WITH_INTERRUPTS_OFF.includes(record.event.name)),
    }));
  return ringBufferPages(records, recording.lost[cpu] ?? 0);
}

function pageAligned(offset: number): number {
  return Math.ceil(offset / PAGE_SIZE) * PAGE_SIZE;
}
