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
 * Not modelled: cache capacity, associativity, the store buffer, prefetch.
 */
import { STEP } from '../../cost/step.js';
import type { Clock } from '../clock/clock.js';
import { PARKED } from '../clock/clock.js';
import type { Cpu } from '../cpu/cpu.js';
import { CPU_ONCE, LINE_MASK_SIZE } from '../cpu/layout.js';
import { PAGE_SIZE, type PhysicalMemory } from './physical-memory.js';

const LINES_PER_PAGE = 64;
const LINE_SHIFT = 6;
const PAGE_SHIFT = 12;
const UNTOUCHED = 0;
/** Tracked pages that there is room for from the start. */
const TRACKED_AT_FIRST = 32;
/** Offset of the may-write mask behind the may-read mask. */
const WRITE_MASK = 8;

/** Ticks for a line (or an IPI) from one CPU to another. */
export type Latency = (from: number, to: number) => number;

/** The decoded code of a page. */
export interface PageCode {
  /** By line: 1 where decoded instructions lie. */
  readonly lines: Uint8Array;
  /** When the page got code; since then nobody has stored to it while it was private. Infinity: it has none. */
  since: number;
  /** CPUs that may run it, from when the page is tracked. */
  readonly cpus: number[];
}

export interface LineTransfer {
  readonly at: number;
  readonly cpu: number;
  readonly pa: number;
  readonly write: boolean;
}

export class Lines {
  readonly #memory: PhysicalMemory;
  readonly #clock: Clock;
  readonly #latency: Latency;
  readonly #occupancy: number;
  readonly #cpus: Cpu[] = [];
  /** Per physical page: UNTOUCHED, 1 + CPU that owns it privately, or -(1 + tracked page index). */
  readonly #pages: Int32Array;
  /** By tracked line; they grow with the number of tracked pages. */
  #owner = new Int16Array(TRACKED_AT_FIRST * LINES_PER_PAGE);
  #busyUntil = new Float64Array(TRACKED_AT_FIRST * LINES_PER_PAGE);
  readonly #pageOfIndex: Int32Array;
  /** By tracked page: its code, if it ever had any. */
  readonly #code: (PageCode | undefined)[] = [];
  #tracked = 0;
  /** Sees every transfer as it takes effect. For tests and traces. */
  onTransfer: ((transfer: LineTransfer) => void) | null = null;

  constructor(memory: PhysicalMemory, clock: Clock, latency: Latency, occupancy: number) {
    this.#memory = memory;
    this.#clock = clock;
    this.#latency = latency;
    this.#occupancy = occupancy;
    this.#pages = new Int32Array(memory.ramBytes / PAGE_SIZE);
    this.#pageOfIndex = new Int32Array(memory.trackedPages);
  }

  add(cpu: Cpu): void {
    this.#cpus.push(cpu);
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
    const { lineArriving, collected } = cpu;
    const before = collected.length;
    if (!this.collect(cpu, pa, write)) return false;
    // A line that was there already says nothing about the lines that this operation is collecting.
    if (lineArriving !== cpu.lineArriving || before !== collected.length) cpu.dropCollection();
    return true;
  }

  /**
   * Gets one of several lines that an operation needs. Lines collected by earlier attempts are all taken again at the
   * instant when the last one arrives; the CPU drops the collection when the operation completes.
   */
  collect(cpu: Cpu, pa: number, write: boolean): boolean {
    const state = this.#pages[pa >>> PAGE_SHIFT];
    if (state === 1 + cpu.id) return true;
    if (state >= 0) return this.touch(cpu, pa) && this.collect(cpu, pa, write);
    const slot = slotOf(-state - 1, pa);
    return this.#may(cpu.id, slot, write) || this.#miss(cpu, slot, write);
  }

  /** First touch of a page by a CPU: an act. False: not yet this CPU's turn. */
  touch(cpu: Cpu, pa: number): boolean {
    const page = pa >>> PAGE_SHIFT;
    const state = this.#pages[page];
    if (state < 0 || state === 1 + cpu.id) return true;
    if (this.#clock.mustWait(cpu)) return false;
    if (state === UNTOUCHED) this.#pages[page] = 1 + cpu.id;
    else this.#track(page, this.#cpus[state - 1], cpu.now);
    return true;
  }

  // ---- Code

  /** A CPU is going to run the code of the page of `pa`. False: wait for your turn, ask again. */
  joinCode(cpu: Cpu, pa: number, code: PageCode): boolean {
    const index = this.trackedIndex(pa);
    if (index < 0 || code.cpus.includes(cpu.id)) return true;
    if (this.#clock.mustWait(cpu)) return false;
    this.#code[index] = code;
    code.cpus.push(cpu.id);
    code.lines.forEach((isCode, line) => {
      if (isCode === 1) this.#allow(cpu.id, index * LINES_PER_PAGE + line, false);
    });
    return true;
  }

  /** Gets the line of `pa` for decoding what is in it, which is an act. False: wait for your turn, ask again. */
  fetch(cpu: Cpu, pa: number): boolean {
    if (this.isPrivate(cpu, pa)) return true;
    if (this.#clock.mustWait(cpu)) return false;
    if (!this.isFetchable(cpu, pa)) return this.collect(cpu, pa, false);
    this.#allow(cpu.id, slotOf(this.trackedIndex(pa), pa), false);
    return true;
  }

  /** May the line of `pa` be decoded without getting it from somebody? */
  isFetchable(cpu: Cpu, pa: number): boolean {
    const index = this.trackedIndex(pa);
    if (index < 0) return true;
    const slot = slotOf(index, pa);
    return this.#may(cpu.id, slot, false) || !this.#may(this.#owner[slot], slot, true);
  }

  /** Instructions in the line of `pa` have been decoded: who runs the page may read it, nobody may write it. */
  addCode(pa: number, code: PageCode): void {
    const line = (pa >>> LINE_SHIFT) & (LINES_PER_PAGE - 1);
    if (code.lines[line] === 1) return;
    code.lines[line] = 1;
    const index = this.trackedIndex(pa);
    if (index < 0) return;
    const slot = slotOf(index, pa);
    this.#revoke(this.#owner[slot], slot, true);
    for (const each of code.cpus) this.#allow(each, slot, false);
  }

  /**
   * At time `now` a second CPU touches the page. Its owner may be ahead of that; if it has had code before, it has not
   * been written to since, and all its lines are held for reading.
   */
  #track(page: number, owner: Cpu, now: number): void {
    const index = this.#tracked++;
    if (index >= this.#memory.trackedPages) throw new RangeError('more shared pages than the machine can track');
    this.#pages[page] = -1 - index;
    this.#pageOfIndex[index] = page;
    if ((index + 1) * LINES_PER_PAGE > this.#owner.length) this.#grow();
    this.#owner.fill(owner.id, index * LINES_PER_PAGE, (index + 1) * LINES_PER_PAGE);
    const code = owner.decoder.codeOf(page * PAGE_SIZE);
    const isUnwritten = code !== undefined && code.since <= now;
    const mask = this.#mask(owner.id, index);
    this.#memory.u8.fill(0xff, mask, mask + (isUnwritten ? WRITE_MASK : LINE_MASK_SIZE));
    if (code !== undefined) {
      if (!isUnwritten) owner.decoder.drop(owner, page * PAGE_SIZE);
      code.cpus.push(owner.id);
      this.#code[index] = code;
    }
    owner.trackPage(page * PAGE_SIZE, index);
  }

  #grow(): void {
    const owner = new Int16Array(this.#owner.length * 2);
    owner.set(this.#owner);
    this.#owner = owner;
    const busyUntil = new Float64Array(this.#busyUntil.length * 2);
    busyUntil.set(this.#busyUntil);
    this.#busyUntil = busyUntil;
  }

  #mask(cpu: number, index: number): number {
    return this.#memory.lineMasks + (cpu * this.#memory.trackedPages + index) * LINE_MASK_SIZE;
  }

  #word(cpu: number, slot: number, write: boolean): number {
    const line = slot & (LINES_PER_PAGE - 1);
    return (this.#mask(cpu, slot >>> 6) + (write ? WRITE_MASK : 0) + ((line >>> 5) << 2)) >>> 2;
  }

  #may(cpu: number, slot: number, write: boolean): boolean {
    return (this.#memory.i32[this.#word(cpu, slot, write)] & (1 << (slot & 31))) !== 0;
  }

  #allow(cpu: number, slot: number, write: boolean): void {
    const word = this.#word(cpu, slot, write);
    this.#memory.i32[word] = this.#memory.i32[word] | (1 << (slot & 31));
  }

  #revoke(cpu: number, slot: number, write: boolean): void {
    const word = this.#word(cpu, slot, write);
    this.#memory.i32[word] = this.#memory.i32[word] & ~(1 << (slot & 31));
  }

  /** Request, then arrival; each when this CPU is next. */
  #miss(cpu: Cpu, slot: number, write: boolean): boolean {
    for (;;) {
      if (this.#clock.mustWait(cpu)) return false;
      if (write && this.#isAlone(cpu.id, slot)) {
        this.#takeForWriting(cpu, slot);
        return true;
      }
      if (cpu.lineArriving) {
        if (!this.#take(cpu)) return false;
        if (this.#may(cpu.id, slot, write)) return true;
      }
      this.#request(cpu, slot, write);
    }
  }

  #request(cpu: Cpu, slot: number, write: boolean): void {
    const start = Math.max(cpu.now, this.#busyUntil[slot]);
    this.#busyUntil[slot] = start + this.#occupancy;
    const done = start + this.#latency(this.#source(cpu.id, slot), cpu.id);
    cpu.charge(STEP.LINE_TRANSFER, done - cpu.now);
    cpu.collected.push(write ? ~slot : slot);
    cpu.lineArriving = true;
  }

  /** True for an owner that may not write although nobody else reads: it has decoded code there. */
  #isAlone(cpu: number, slot: number): boolean {
    return this.#owner[slot] === cpu && this.#cpus.every(({ id }) => id === cpu || !this.#may(id, slot, false));
  }

  /** Where the line comes from: its owner, or for an upgrade by the owner the farthest other reader. */
  #source(cpu: number, slot: number): number {
    const owner = this.#owner[slot];
    if (owner !== cpu) return owner;
    let source = cpu;
    for (const other of this.#cpus) {
      if (other.id === cpu || !this.#may(other.id, slot, false)) continue;
      if (source === cpu || this.#latency(other.id, cpu) > this.#latency(source, cpu)) source = other.id;
    }
    return source;
  }

  /** All collected lines change hands now. False: a parked victim has to finish what it did before. */
  #take(cpu: Cpu): boolean {
    for (const entry of cpu.collected) {
      if (entry < 0) this.#settleReaders(cpu, ~entry);
    }
    if (this.#clock.mustWait(cpu)) return false;
    for (const entry of cpu.collected) {
      if (entry < 0) this.#takeForWriting(cpu, ~entry);
      else this.#takeForReading(cpu, entry);
      this.onTransfer?.({ at: cpu.now, cpu: cpu.id, pa: this.#address(entry < 0 ? ~entry : entry), write: entry < 0 });
    }
    cpu.lineArriving = false;
    return true;
  }

  #settleReaders(cpu: Cpu, slot: number): void {
    for (const other of this.#cpus) {
      if (other === cpu || other.state !== PARKED || !this.#may(other.id, slot, false)) continue;
      if (!this.#isCode(slot) && !other.parking.mayRead(this.#address(slot))) continue;
      this.#clock.settle(other.id, cpu.now, cpu.id);
    }
  }

  #takeForReading(cpu: Cpu, slot: number): void {
    const owner = this.#owner[slot];
    if (owner !== cpu.id) this.#revoke(owner, slot, true);
    this.#allow(cpu.id, slot, false);
  }

  #takeForWriting(cpu: Cpu, slot: number): void {
    for (const other of this.#cpus) {
      if (other === cpu || !this.#may(other.id, slot, false)) continue;
      this.#revoke(other.id, slot, false);
      this.#revoke(other.id, slot, true);
      this.#memory.u32[(other.block + CPU_ONCE) >>> 2] = 0;
      other.loseLine(this.#address(slot), cpu.now);
    }
    this.#owner[slot] = cpu.id;
    this.#allow(cpu.id, slot, false);
    this.#allow(cpu.id, slot, true);
    if (this.#isCode(slot)) {
      cpu.decoder.drop(cpu, this.#pageOfIndex[slot >>> 6] * PAGE_SIZE);
    }
  }

  #isCode(slot: number): boolean {
    return this.#code[slot >>> 6]?.lines[slot & (LINES_PER_PAGE - 1)] === 1;
  }

  #address(slot: number): number {
    return this.#pageOfIndex[slot >>> 6] * PAGE_SIZE + (slot & (LINES_PER_PAGE - 1)) * 64;
  }
}

/** Index of the line of `pa` among all lines of tracked pages. */
function slotOf(trackedIndex: number, pa: number): number {
  return trackedIndex * LINES_PER_PAGE + ((pa >>> LINE_SHIFT) & (LINES_PER_PAGE - 1));
}
