/**
 * Who may read and write which cache line, and what it costs to change that.
 *
 * A physical page is untouched, private to one CPU, or tracked, for good. Private pages cost nothing extra. At the
 * second CPU's touch a page becomes tracked and all its 64 lines belong to the first. In tracked pages every access
 * needs the line: a miss requests it when this CPU is next in order, takes `line-transfer` by distance, queues behind
 * transfers of the same line, and takes effect for everybody at the instant of arrival.
 *
 * Not modelled: cache capacity, associativity, the store buffer, prefetch.
 */
import { STEP } from '../../cost/step.js';
import type { Clock } from '../clock/clock.js';
import { PARKED } from '../clock/clock.js';
import type { Cpu } from '../cpu/cpu.js';
import { LINE_MASK_SIZE } from '../cpu/layout.js';
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
    const slot = (-state - 1) * LINES_PER_PAGE + ((pa >>> LINE_SHIFT) & (LINES_PER_PAGE - 1));
    return this.#may(cpu.id, slot, write) || this.#miss(cpu, slot, write);
  }

  /** First touch of a page by a CPU: an act. False: not yet this CPU's turn. */
  touch(cpu: Cpu, pa: number): boolean {
    const page = pa >>> PAGE_SHIFT;
    const state = this.#pages[page];
    if (state < 0 || state === 1 + cpu.id) return true;
    if (this.#clock.mustWait(cpu)) return false;
    if (state === UNTOUCHED) this.#pages[page] = 1 + cpu.id;
    else this.#track(page, this.#cpus[state - 1]);
    return true;
  }

  #track(page: number, owner: Cpu): void {
    const index = this.#tracked++;
    if (index >= this.#memory.trackedPages) throw new RangeError('more shared pages than the machine can track');
    this.#pages[page] = -1 - index;
    this.#pageOfIndex[index] = page;
    if ((index + 1) * LINES_PER_PAGE > this.#owner.length) this.#grow();
    this.#owner.fill(owner.id, index * LINES_PER_PAGE, (index + 1) * LINES_PER_PAGE);
    this.#memory.u8.fill(0xff, this.#mask(owner.id, index), this.#mask(owner.id, index) + LINE_MASK_SIZE);
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
      if (!other.parking.mayRead(this.#address(slot))) continue;
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
      other.loseLine(this.#address(slot), cpu.now);
    }
    this.#owner[slot] = cpu.id;
    this.#allow(cpu.id, slot, false);
    this.#allow(cpu.id, slot, true);
  }

  #address(slot: number): number {
    return this.#pageOfIndex[slot >>> 6] * PAGE_SIZE + (slot & (LINES_PER_PAGE - 1)) * 64;
  }
}
