/**
 * The report of `perf kvm stat report --event=vmexit`, in the layout of tools up to Linux 6.3. Where some vCPUs were
 * chosen, each has a table of its own, as with --vcpu.
 */
import { exitTimes, type ExitTimes } from './exit-times.js';
import type { TraceRecording } from './recording.js';

const PERCENT = 100;

/** The tables of a trace, one or one per chosen vCPU. */
export function* perfStatText(recording: TraceRecording): Generator<string, void, void> {
  const all = new Set(Array.from({ length: recording.cpus }, (_, cpu) => cpu));
  if (recording.vcpus === null) yield table(recording, all, 'all VCPUs');
  else for (const vcpu of recording.vcpus) yield table(recording, new Set([vcpu]), `VCPU ${vcpu}`);
}

function table(recording: TraceRecording, cpus: ReadonlySet<number>, scope: string): string {
  const exits = exitTimes(recording, cpus);
  const samples = exits.reduce((sum, { ticks }) => sum + ticks.length, 0);
  const time = exits.reduce((sum, { ticks }) => sum + total(ticks), 0);
  const rows = exits.map((exit) => row(exit, samples, time, recording));
  const handled = microseconds(recording, time).toFixed(2);
  return (
    `\n\nAnalyze events for all VMs, ${scope}:\n\n${heading()}\n\n${rows.join('')}\n` +
    `Total Samples:${samples}, Total events handled time:${handled}us.\n\n`
  );
}

function heading(): string {
  const times = `${'Min Time'.padStart(11)} ${'Max Time'.padStart(11)} ${'Avg time'.padStart(16)} `;
  return `${'VM-EXIT'.padStart(20)} ${'Samples'.padStart(10)} ${'Samples%'.padStart(9)} ${'Time%'.padStart(9)} ${times}`;
}

function row({ reason, ticks }: ExitTimes, samples: number, time: number, recording: TraceRecording): string {
  const us = (value: number): string => `${microseconds(recording, value).toFixed(2).padStart(9)}us`;
  const share = (part: number, whole: number): string => `${percent(part / whole).padStart(8)}%`;
  const mean = total(ticks) / ticks.length;
  const shares = `${share(ticks.length, samples)} ${share(total(ticks), time)}`;
  const [least, most] = [ticks.reduce((a, b) => Math.min(a, b)), ticks.reduce((a, b) => Math.max(a, b))];
  const error = percent(errorOfMean(ticks, mean) / mean).padStart(7);
  const name = `${reason.padStart(20)} ${String(ticks.length).padStart(10)}`;
  return `${name} ${shares} ${us(least)} ${us(most)} ${us(mean)} ( +-${error}% ) \n`;
}

function percent(share: number): string {
  return (share * PERCENT).toFixed(2);
}

/** Standard deviation of the mean; 0 for a single value. */
function errorOfMean(values: readonly number[], mean: number): number {
  if (values.length < 2) return 0;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1) / values.length);
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function microseconds({ tscGHz, ticksPerCycle }: TraceRecording, ticks: number): number {
  return ticks / ticksPerCycle / tscGHz / 1000;
}
