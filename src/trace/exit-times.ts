import type { TraceRecording } from './recording.js';

/** Times of one exit reason: from each kvm_exit to the next kvm_entry of the same vCPU, as `perf kvm stat` counts. */
export interface ExitTimes {
  readonly reason: string;
  /** Ticks, one per exit. */
  readonly ticks: readonly number[];
}

/** Exits on the given CPUs by reason, most frequent first. An exit without an entry behind it is not counted. */
export function exitTimes({ records }: TraceRecording, cpus: ReadonlySet<number>): ExitTimes[] {
  const open = new Map<number, { readonly reason: string; readonly at: number }>();
  const byReason = new Map<string, number[]>();
  for (const { at, cpu, event } of records) {
    if (!cpus.has(cpu)) continue;
    if (event.name === 'kvm_exit') {
      open.set(cpu, { reason: event.reasonName, at });
      if (!byReason.has(event.reasonName)) byReason.set(event.reasonName, []);
    } else if (event.name === 'kvm_entry') {
      const exit = open.get(cpu);
      open.delete(cpu);
      if (exit !== undefined) byReason.get(exit.reason)?.push(at - exit.at);
    }
  }
  return [...byReason]
    .map(([reason, ticks]) => ({ reason, ticks }))
    .filter(({ ticks }) => ticks.length > 0)
    .sort((a, b) => b.ticks.length - a.ticks.length || (a.reason < b.reason ? -1 : 1));
}
