/**
 * Keeps the last events of every CPU, as the kernel's ring buffers do. What a ring holds depends only on that CPU's own
 * events, so it does not depend on how far CPUs run ahead of each other.
 */
import type { TraceEvent, TraceEventName, TraceRecord } from './event.js';

/** What to keep; times are ticks. */
export interface RecorderOptions {
  readonly events: ReadonlySet<TraceEventName>;
  /** CPUs to record; null = all. */
  readonly cpus: ReadonlySet<number> | null;
  /** First and last tick to record. */
  readonly from: number;
  readonly to: number;
  /** Events kept per CPU. */
  readonly limit: number;
}

/** Takes the events of all CPUs. */
export class TraceRecorder {
  readonly #options: RecorderOptions;
  #rings: readonly Ring[];
  /** What comes after the end: if the trace begins anew, some of it may belong to the new one. */
  #later: readonly Ring[];
  #from: number;
  #to: number;

  constructor(cpus: number, options: RecorderOptions) {
    this.#options = options;
    this.#rings = Array.from({ length: cpus }, () => new Ring(options.limit));
    this.#later = this.#rings.map(() => new Ring(options.limit));
    this.#from = options.from;
    this.#to = options.to;
  }

  record(cpu: number, at: number, event: TraceEvent): void {
    const { cpus, events, to } = this.#options;
    if (at < this.#from || at > to || !events.has(event.name) || cpus?.has(cpu) === false) return;
    const rings = at > this.#to ? this.#later : this.#rings;
    rings[cpu].push({ at, cpu, event });
  }

  /** The trace begins here, perhaps anew: everything before `at` is forgotten. */
  beginAt(at: number): void {
    const { from, to, limit } = this.#options;
    this.#from = Math.max(at, from);
    this.#to = to;
    this.#rings = this.#rings.map((ring, cpu) => {
      const seen = [...ring.records(), ...this.#later[cpu].records()];
      return new Ring(
        limit,
        seen.filter((record) => record.at >= this.#from),
      );
    });
    this.#later = this.#rings.map(() => new Ring(limit));
  }

  /** The trace ends here: what CPUs that have run ahead recorded beyond `at` is left out. */
  endAt(at: number): void {
    this.#to = Math.min(at, this.#options.to);
  }

  /** All records in order of time, then of CPUs. */
  records(): TraceRecord[] {
    const kept = this.#rings.flatMap((ring) => ring.records()).filter(({ at }) => at <= this.#to);
    // The sort is stable: events of one CPU at one time stay in their order.
    return kept.sort((a, b) => a.at - b.at || a.cpu - b.cpu);
  }

  /** Events by CPU that were lost because the ring was full. */
  lost(): number[] {
    return this.#rings.map(({ lost }) => lost);
  }
}

class Ring {
  readonly #limit: number;
  readonly #slots: TraceRecord[];
  #next = 0;
  lost = 0;

  constructor(limit: number, records: readonly TraceRecord[] = []) {
    this.#limit = limit;
    this.#slots = records.slice(-limit);
  }

  push(record: TraceRecord): void {
    if (this.#slots.length < this.#limit) {
      this.#slots.push(record);
      return;
    }
    this.#slots[this.#next] = record;
    this.#next = (this.#next + 1) % this.#limit;
    this.lost++;
  }

  /** In order of time: a sending may be noted as late as the arrival. */
  records(): TraceRecord[] {
    return [...this.#slots.slice(this.#next), ...this.#slots.slice(0, this.#next)].sort((a, b) => a.at - b.at);
  }
}
