/**
 * Who may read and write which cache line, and what it costs to change that.
 *
 * A physical page is untouched, private to one CPU, or tracked, for good. Private pages cost nothing extra. At the
 * second CPU's touch a page becomes tracked and all its 64 lines belong to the first. In tracked pages every access
 * needs the line: a miss requests it when this CPU is next in order, takes `line-transfer` by distance, queues behind
 * transfers of the same line, and takes effect for everybody at the instant of arrival.
 *
 * Lines with decoded instructions are held for reading by all CPUs that run their page, and by nobody for writing: a
 * store to them is a miss like any other, and takes the decoded code with the line. Instructions are fetched at no cost
 * unless somebody holds their line for writing; then the first CPU that fetches them pays for the transfer.
 *
 * What happens often is in the interpreter (src/interpreter/lines.ts): who may access what, misses and transfers. Here
 * are the first touch of a page by a second CPU and decoded code.
 *
 * Not modelled: cache capacity, associativity, the store buffer, prefetch.
 */
import type { Clock } from '../clock/clock.js';
import type { Cpu } from '../cpu/cpu.js';
import type { Engine, EngineHost } from '../cpu/engine.js';
import { LINE_MASK_SIZE, ORDER_LINE_OCCUPANCY, ORDER_OBSERVED, ORDER_TRACKED_COUNT } from '../cpu/layout.js';
import { sendNotification } from '../vmx/ipi-virtualization.js';
import { LINES_PER_PAGE, LINE_SHIFT, PAGE_SHIFT, PAGE_SIZE, type PhysicalMemory } from './physical-memory.js';

/** Size of a mask with a bit for each line of a page: may-read comes first, may-write behind it. */
const MASK_SIZE = LINE_MASK_SIZE / 2;

/** Ticks for a line (or an IPI) from one CPU to another. */
export type Latency = (from: number, to: number) => number;

/** The decoded code of a page. Where it lies says `PhysicalMemory.isCode`. */
export interface PageCode {
  /** When the page got code; since then nobody has stored to it while it was private. Infinity: it has none. */
  since: number;
}

export interface LineTransfer {
  readonly at: number;
  readonly cpu: number;
  readonly pa: number;
  readonly write: boolean;
}

export class Lines implements EngineHost {
  readonly #memory: PhysicalMemory;
  readonly #clock: Clock;
  readonly #engine: Engine;
  readonly #cpus: Cpu[] = [];
  /** Per physical page: 0 untouched, 1 + CPU that owns it privately, or -(1 + tracked page index). */
  readonly #pages: Int32Array;
  #onTransfer: ((transfer: LineTransfer) => void) | null = null;

  constructor(memory: PhysicalMemory, clock: Clock, engine: Engine, latency: Latency, occupancy: number) {
    const { cpus, f64, wasm, pages, ramBytes } = memory;
    this.#memory = memory;
    this.#clock = clock;
    this.#engine = engine;
    this.#pages = new Int32Array(wasm.buffer, pages, ramBytes / PAGE_SIZE);
    f64[ORDER_LINE_OCCUPANCY >>> 3] = occupancy;
    const latencies = new Float64Array(wasm.buffer, memory.lineLatency, cpus * cpus);
    for (let at = 0; at < latencies.length; at++) latencies[at] = latency(Math.floor(at / cpus), at % cpus);
  }

  add(cpu: Cpu): void {
    this.#cpus[cpu.id] = cpu;
  }

  /** Sees every transfer as it takes effect. For tests and traces. */
  set onTransfer(see: (transfer: LineTransfer) => void) {
    this.#onTransfer = see;
    this.#memory.u32[ORDER_OBSERVED >>> 2] = 1;
  }

  /** Index of the tracked page that holds `pa`, or -1. */
  trackedIndex(pa: number): number {
    const state = this.#pages[pa >>> PAGE_SHIFT];
    return state < 0 ? -state - 1 : -1;
  }

  /** No other CPU has touched the page of `pa`: what `cpu` does there, nobody sees. */
  isPrivate(cpu: Cpu, pa: number): boolean {
    return this.#pages[pa >>> PAGE_SHIFT] === 1 + cpu.id;
  }

  /**
   * Gets the line of `pa` for one single access of microcode or host code. False: wait for your turn, ask again.
   */
  hold(cpu: Cpu, pa: number, write: boolean): boolean {
    return this.#has(cpu, pa, write) || this.#engine.hold(cpu.block, pa, write ? 1 : 0) !== 0;
  }

  /**
   * Gets one of several lines that an operation needs. Lines collected by earlier attempts are all taken again at the
   * instant when the last one arrives; the CPU drops the collection when the operation completes.
   */
  collect(cpu: Cpu, pa: number, write: boolean): boolean {
    return this.#has(cpu, pa, write) || this.#engine.collect(cpu.block, pa, write ? 1 : 0) !== 0;
  }

  /** The CPU may access the line of `pa` as things are; how it gets there is the interpreter's. */
  #has(cpu: Cpu, pa: number, write: boolean): boolean {
    const { lineMasks, trackedPages, u8 } = this.#memory;
    const state = this.#pages[pa >>> PAGE_SHIFT];
    if (state >= 0) return state === 1 + cpu.id;
    const line = (pa >>> LINE_SHIFT) & (LINES_PER_PAGE - 1);
    const mask = lineMasks + (cpu.id * trackedPages - state - 1) * LINE_MASK_SIZE + (write ? MASK_SIZE : 0);
    return (u8[mask + (line >>> 3)] & (1 << (line & 7))) !== 0;
  }

  /** First touch of a page by a CPU: an act. False: not yet this CPU's turn. */
  touch(cpu: Cpu, pa: number): boolean {
    return this.#engine.touch(cpu.block, pa) !== 0;
  }

  // ---- Code

  /** A CPU is going to run the code of the page of `pa`. False: wait for your turn, ask again. */
  joinCode(cpu: Cpu, pa: number): boolean {
    return this.#engine.joinCode(cpu.block, pa) !== 0;
  }

  /** Gets the line of `pa` for decoding what is in it, which is an act. False: wait for your turn, ask again. */
  fetch(cpu: Cpu, pa: number): boolean {
    if (this.isPrivate(cpu, pa)) return true;
    if (this.#clock.mustWait(cpu)) return false;
    if (!this.isFetchable(cpu, pa)) return this.collect(cpu, pa, false);
    this.#engine.allowReading(cpu.block, lineOf(this.trackedIndex(pa), pa));
    return true;
  }

  /** May the line of `pa` be decoded without getting it from somebody? */
  isFetchable(cpu: Cpu, pa: number): boolean {
    const index = this.trackedIndex(pa);
    if (index < 0) return true;
    const line = lineOf(index, pa);
    if (this.#engine.mayReadLine(cpu.block, line) !== 0) return true;
    return this.#engine.mayWriteLine(this.#ownerOf(line), line) === 0;
  }

  /** Instructions in the line of `pa` have been decoded: who runs the page may read it, nobody may write it. */
  addCode(pa: number): void {
    if (this.#memory.isCode(pa)) return;
    this.#memory.noteCode(pa);
    const index = this.trackedIndex(pa);
    if (index < 0) return;
    const line = lineOf(index, pa);
    this.#engine.revokeWriting(this.#ownerOf(line), line);
    for (const { id, block } of this.#cpus) {
      if (this.#memory.runsCode(id, index)) this.#engine.allowReading(block, line);
    }
  }

  /** Block of the CPU that owns a line. */
  #ownerOf(line: number): number {
    return this.#memory.cpuBlock(this.#memory.u32[(this.#memory.lineOwners >>> 2) + line]);
  }

  /** `cpu` has touched the page of `pa` and is going to store to it: beside code, perhaps. */
  prepareStore(cpu: Cpu, pa: number): void {
    this.#engine.prepareStore(cpu.block, pa);
  }

  // ---- What the interpreter asks for

  /**
   * At time `now` a second CPU touches the page, or its owner is going to store beside code. The owner may be ahead of that;
   * if it has had code before, it has not been written to since, and all its lines are held for reading.
   */
  trackPage(page: number, ownerId: number, now: number): void {
    const owner = this.#cpus[ownerId];
    const memory = this.#memory;
    const index = memory.u32[ORDER_TRACKED_COUNT >>> 2];
    memory.u32[ORDER_TRACKED_COUNT >>> 2] = index + 1;
    if (index >= memory.trackedPages) throw new RangeError('more shared pages than the machine can track');
    this.#pages[page] = -1 - index;
    memory.u32[(memory.pageOfIndex >>> 2) + index] = page;
    const line = (memory.lineOwners >>> 2) + index * LINES_PER_PAGE;
    memory.u32.fill(owner.id, line, line + LINES_PER_PAGE);
    const code = owner.decoder.codeOf(page * PAGE_SIZE);
    const isUnwritten = code !== undefined && code.since <= now;
    const masks = memory.lineMasks + (owner.id * memory.trackedPages + index) * LINE_MASK_SIZE;
    memory.u8.fill(0xff, masks, masks + (isUnwritten ? MASK_SIZE : LINE_MASK_SIZE));
    if (code !== undefined) {
      if (!isUnwritten) owner.decoder.drop(owner, page * PAGE_SIZE);
      memory.noteRunner(owner.id, index);
    }
    this.#engine.trackEntries(owner.block, page * PAGE_SIZE, index);
  }

  charged(cpu: number, step: number, ticks: number): void {
    this.#cpus[cpu].meter.record(cpu, step, ticks);
  }

  lineTaken(cpu: number, pa: number, write: number): void {
    this.#onTransfer?.({ at: this.#cpus[cpu].now, cpu, pa, write: write !== 0 });
  }

  reportEvent(cpu: number, event: number, first: number, second: number): void {
    this.#cpus[cpu].report(event, first, second);
  }

  broadcastEoi(cpu: number, vector: number): void {
    const from = this.#cpus[cpu];
    from.bus.route(from, { kind: 'eoi-broadcast', vector });
  }

  sendNotification(cpu: number, vector: number, destination: number): void {
    sendNotification(this.#cpus[cpu], vector, destination);
  }

  dropCode(cpu: number, pa: number): void {
    const writer = this.#cpus[cpu];
    writer.decoder.drop(writer, pa - (pa % PAGE_SIZE));
  }

  loseMonitoredLine(cpu: number, at: number): void {
    this.#cpus[cpu].loseMonitoredLine(at);
  }

  describeLoop(cpu: number): void {
    this.#cpus[cpu].parking.describeLoop();
  }

  translate(cpu: number, record: number): void {
    const { decoder } = this.#cpus[cpu];
    decoder.translate(this.#cpus[cpu], record);
  }

  waitsForTsc(cpu: number): number {
    return this.#cpus[cpu].parking.waitsForTsc() ? 1 : 0;
  }
}

/** Number of the line of `pa` among all lines of tracked pages. */
function lineOf(trackedIndex: number, pa: number): number {
  return trackedIndex * LINES_PER_PAGE + ((pa >>> LINE_SHIFT) & (LINES_PER_PAGE - 1));
}
