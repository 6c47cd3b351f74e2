/** The text of /sys/kernel/tracing/trace. */
import type { TraceEventName, TraceRecord } from './event.js';
import { nanoseconds, tscOf, type TraceRecording } from './recording.js';
import { threadId, threadName } from './thread.js';
import type { TraceClock } from './trace-clock.js';
import { eventText } from './tracepoints.js';

const NS_PER_US = 1000;
const US_PER_SECOND = 1e6;

/** KVM reports these with interrupts off and preemption disabled; where the others stand is not recorded. */
export const WITH_INTERRUPTS_OFF: readonly TraceEventName[] = ['kvm_entry', 'kvm_exit'];

/** Line by line. */
export function* ftraceText(recording: TraceRecording, clock: TraceClock): Generator<string, void, void> {
  yield header(recording);
  const told = new Set<number>();
  for (const record of recording.records) {
    const lost = recording.lost[record.cpu];
    if (lost > 0 && !told.has(record.cpu)) yield `CPU:${record.cpu} [LOST ${lost} EVENTS]\n`;
    told.add(record.cpu);
    yield line(record, recording, clock);
  }
}

function line({ at, cpu, event }: TraceRecord, recording: TraceRecording, clock: TraceClock): string {
  const task = `${threadName(cpu).padStart(16)}-${String(threadId(cpu)).padEnd(7)}`;
  const flags = WITH_INTERRUPTS_OFF.includes(event.name) ? 'd..1.' : '.....';
  const time = clock === 'local' ? seconds(nanoseconds(recording, at)) : String(tscOf(recording, at)).padStart(12);
  const processor = String(cpu).padStart(3, '0');
  return `${task} [${processor}] ${flags} ${time}: ${event.name}: ${eventText(event, recording)}\n`;
}

/** Seconds with six decimals, rounded to the nearest as the kernel does. */
function seconds(ns: number): string {
  const us = Math.floor((ns + NS_PER_US / 2) / NS_PER_US);
  return `${String(Math.floor(us / US_PER_SECOND)).padStart(5)}.${String(us % US_PER_SECOND).padStart(6, '0')}`;
}

function header({ records, lost, cpus }: TraceRecording): string {
  const written = lost.reduce((sum, count) => sum + count, records.length);
  return `# tracer: nop
#
# entries-in-buffer/entries-written: ${records.length}/${written}   #P:${cpus}
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`;
}
