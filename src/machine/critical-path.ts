/**
 * Which of what was seen in an iteration its length consists of: the way from the end of the iteration back to its
 * beginning. Where a CPU had been waiting, the way goes on where the end of the wait was caused: at the CPU that took
 * the cache line which the waiting loop reads, or at the sender of the IPI. All else overlaps with the path.
 *
 * The pieces of a path follow each other without gap or overlap, so their ticks add up to the iteration's.
 */
import type { Doing, ObservedIterations, Span } from './observation.js';

/** `loop-phase`: the rest of a pass of a waiting loop, from the cause that ends the wait to its being noticed. */
export type PathDoing = Doing | 'loop-phase';

export interface PathPiece {
  readonly cpu: number;
  readonly start: number;
  readonly ticks: number;
  readonly doing: PathDoing;
  readonly instructions: number;
  /** What it is a piece of; null for flights and phases. */
  readonly span: Span | null;
}

/** A cache line whose loss told a waiting CPU to go on. */
export interface Handover {
  readonly pa: number;
  readonly writer: number;
  /** When the writer took it, and when the reader had it back. */
  readonly takenAt: number;
  readonly returnedAt: number;
}

export interface CriticalPath {
  /** In order of time. */
  readonly pieces: readonly PathPiece[];
  readonly handovers: readonly Handover[];
}

/** Work beside the critical path. */
export interface OverlappedWork {
  readonly cpu: number;
  readonly start: number;
  readonly spans: readonly Span[];
  /** How much longer it could take before somebody would have to wait for it. */
  readonly slack: number;
  /** It ends with the store that the other side waits for. */
  readonly endsWithStore: boolean;
}

/** Most instructions in the pass of a loop that waits for a line. */
const LONGEST_LOOP = 16;

type Cause =
  | { readonly kind: 'line'; readonly cpu: number; readonly at: number; readonly handover: Handover }
  | { readonly kind: 'ipi'; readonly cpu: number; readonly at: number; readonly sentAt: number };

/** Paths through what was observed of one machine. */
export class CriticalPaths {
  readonly #seen: ObservedIterations;
  /** By CPU and span: the CPU had nothing to do but wait. */
  readonly #waits: readonly (readonly boolean[])[];

  constructor(seen: ObservedIterations) {
    this.#seen = seen;
    this.#waits = seen.spans.map(waitingSpans);
  }

  /** The path that fills [from, to) and ends on CPU 0. */
  path(from: number, to: number): CriticalPath {
    const pieces: PathPiece[] = [];
    const handovers: Handover[] = [];
    let cpu = 0;
    let until = to;
    const add = (start: number, end: number, piece: Omit<PathPiece, 'start' | 'ticks'>): void => {
      const first = Math.max(start, from);
      if (end >= first) pieces.push({ ...piece, start: first, ticks: end - first });
      until = start;
    };
    let index = this.#lastBefore(cpu, until);
    while (until > from && index >= 0) {
      const span = this.#seen.spans[cpu][index];
      add(span.start, until, { cpu, doing: span.doing, instructions: span.instructions, span });
      const cause = until > from ? this.#causeOf(cpu, index) : null;
      index--;
      if (cause === null) continue;
      if (cause.at < until) add(cause.at, until, { cpu, doing: 'loop-phase', instructions: 0, span: null });
      if (cause.kind === 'line') handovers.push(cause.handover);
      else add(cause.sentAt, cause.at, { cpu: cause.cpu, doing: 'ipi-flight', instructions: 0, span: null });
      cpu = cause.cpu;
      index = this.#lastBefore(cpu, until);
    }
    return { pieces: pieces.reverse(), handovers };
  }

  /** Work that begins in [from, to) and is on none of `paths`, which must cover the neighbouring iterations too. */
  overlapped(from: number, to: number, paths: readonly CriticalPath[]): OverlappedWork[] {
    const onPath = new Set(paths.flatMap(({ pieces }) => pieces.map(({ span }) => span)));
    const handovers = paths.flatMap((path) => path.handovers);
    return this.#seen.spans
      .flatMap((spans, cpu) => this.#blocks(cpu, spans, onPath))
      .filter(({ start }) => start >= from && start < to)
      .flatMap((work) => this.#splitAtStore(work, handovers));
  }

  /** Unbroken stretches of work. */
  #blocks(cpu: number, spans: readonly Span[], onPath: ReadonlySet<Span | null>): OverlappedWork[] {
    const blocks: OverlappedWork[] = [];
    let work: Span[] = [];
    spans.forEach((span, index) => {
      const counts = !this.#waits[cpu][index] && !onPath.has(span);
      if (counts) work.push(span);
      else if (work.length > 0) {
        const slack = this.#goesOnAt(cpu, index) - span.start;
        blocks.push({ cpu, start: work[0].start, spans: work, slack, endsWithStore: false });
        work = [];
      }
    });
    return blocks.filter(({ spans: each }) => each.some(({ ticks }) => ticks > 0));
  }

  /** When the CPU has something to do again, from span `index` on. */
  #goesOnAt(cpu: number, index: number): number {
    const spans = this.#seen.spans[cpu];
    const next = spans.find((_, at) => at >= index && !this.#waits[cpu][at]);
    return (next ?? spans[spans.length - 1]).start;
  }

  /** What comes up to the store that the other side waits for has less time than what follows. */
  #splitAtStore(work: OverlappedWork, handovers: readonly Handover[]): OverlappedWork[] {
    const { cpu, start, spans } = work;
    const handover = handovers.find(({ writer, takenAt }) => writer === cpu && takenAt === start);
    if (handover === undefined) return [work];
    const storeAt = this.#seen.stores
      .filter(({ cpu: by, pa, at }) => by === cpu && pa === handover.pa && at > start && at <= handover.returnedAt)
      .at(-1)?.at;
    if (storeAt === undefined) return [work];
    const before = spans.filter((span) => span.start < storeAt);
    const after = spans.filter((span) => span.start >= storeAt);
    const upToStore = { ...work, spans: before, slack: handover.returnedAt - storeAt, endsWithStore: true };
    return after.length === 0 ? [upToStore] : [upToStore, { ...work, start: storeAt, spans: after }];
  }

  #lastBefore(cpu: number, time: number): number {
    return this.#seen.spans[cpu].findLastIndex(({ start }) => start < time);
  }

  /** What ended the wait right before a span; null where the CPU had not been waiting. */
  #causeOf(cpu: number, index: number): Cause | null {
    if (index === 0 || !this.#waits[cpu][index - 1]) return null;
    const span = this.#seen.spans[cpu][index];
    return span.doing === 'line-transfer' ? this.#lineCause(cpu, span) : this.#ipiCause(cpu, index);
  }

  #lineCause(cpu: number, { start, ticks }: Span): Cause | null {
    const returnedAt = start + ticks;
    const pa = this.#seen.transfers.find((transfer) => transfer.cpu === cpu && transfer.at === returnedAt)?.pa;
    const taken = this.#seen.transfers.findLast(
      (transfer) => transfer.pa === pa && transfer.write && transfer.cpu !== cpu && transfer.at <= start,
    );
    if (pa === undefined || taken === undefined) return null;
    const handover = { pa, writer: taken.cpu, takenAt: taken.at, returnedAt };
    return { kind: 'line', cpu: taken.cpu, at: taken.at, handover };
  }

  /** An IPI that arrives while the CPU waits is noticed at the next instruction boundary. */
  #ipiCause(cpu: number, index: number): Cause | null {
    const span = this.#seen.spans[cpu][index];
    const before = this.#seen.spans[cpu][index - 1];
    const flight = this.#seen.flights.findLast(({ to, arrivesAt }) => to === cpu && arrivesAt <= span.start);
    if (flight === undefined || before.start > flight.arrivesAt) return null;
    return { kind: 'ipi', cpu: flight.from, at: flight.arrivesAt, sentAt: flight.sentAt };
  }
}

/** Asleep, parked in a spin loop, executing its passes, or polling for a halted vCPU. */
function waitingSpans(spans: readonly Span[]): boolean[] {
  const waits = spans.map(({ doing }) => doing === 'idle' || doing === 'halt-poll-iteration');
  spans.forEach((span, index) => {
    if (span.doing === 'idle' && span.loopLength > 0) markLoop(spans, waits, index);
    if (span.doing === 'line-transfer') markPoll(spans, waits, index);
  });
  return waits;
}

/** The passes before and behind those that a parked CPU did not execute one by one. */
function markLoop(spans: readonly Span[], waits: boolean[], idle: number): void {
  const loop = new Set<number>();
  for (let index = idle - 1, left = spans[idle].loopLength; index >= 0 && left > 0; index--) {
    loop.add(spans[index].rip);
    left -= spans[index].instructions;
  }
  const belongs = (index: number): boolean => index >= 0 && isPlain(spans[index]) && loop.has(spans[index].rip);
  for (let index = idle - 1; belongs(index); index--) waits[index] = true;
  for (let index = idle + 1; index < spans.length && belongs(index); index++) waits[index] = true;
}

/** The passes before a missed line, where the same instruction has read it a few instructions ago. */
function markPoll(spans: readonly Span[], waits: boolean[], miss: number): void {
  if (waits[miss - 1] && spans[miss - 1].doing === 'halt-poll-iteration') return;
  for (let index = miss - 1; index >= 0 && miss - index <= LONGEST_LOOP && isPlain(spans[index]); index--) {
    if (spans[index].rip !== spans[miss].rip || spans[index].rip < 0) continue;
    for (let at = index; at < miss; at++) waits[at] = true;
    return;
  }
}

function isPlain({ doing }: Span): boolean {
  return doing === 'guest-instructions' || doing === 'pause';
}
