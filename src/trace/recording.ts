import type { TraceEventName, TraceRecord } from './event.js';

/** A finished trace and what one needs to know of its machine. */
export interface TraceRecording {
  /** In order of time. */
  readonly records: readonly TraceRecord[];
  /** Physical CPUs; vCPU n runs on CPU n. */
  readonly cpus: number;
  /** Events that were asked for. */
  readonly events: ReadonlySet<TraceEventName>;
  /** vCPUs that were asked for; null = all. */
  readonly vcpus: ReadonlySet<number> | null;
  /** Events by CPU that did not fit into its ring. */
  readonly lost: readonly number[];
  /** vCPUs by the host-physical address of their posted-interrupt descriptor. */
  readonly descriptors: ReadonlyMap<number, number>;
  readonly tscGHz: number;
  /** Ticks per TSC cycle. */
  readonly ticksPerCycle: number;
  /** What was traced, for titles. */
  readonly title: string;
}

/** Nanoseconds of a time in ticks, rounded down. */
export function nanoseconds({ tscGHz, ticksPerCycle }: TraceRecording, ticks: number): number {
  return Math.floor(ticks / ticksPerCycle / tscGHz);
}

/** TSC cycles of a time in ticks, rounded down. */
export function tscOf({ ticksPerCycle }: TraceRecording, ticks: number): number {
  return Math.floor(ticks / ticksPerCycle);
}
