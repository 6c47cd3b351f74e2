/**
 * Pages with decoded code: per page and variant a map from offset to record, in the memory shared with the interpreter.
 * Maps and records are handed out one after the other and forgotten all at once when either runs out.
 *
 * A variant is a mode and, because branches outside 64-bit mode wrap around at instruction pointers of 16 or 32 bits, the
 * instruction pointer at which the page begins.
 */
import type { PageCode } from '../memory/lines.js';
import { PAGE_SIZE, type PhysicalMemory } from '../memory/physical-memory.js';
import type { CodeTranslator } from './code-translator.js';
import { MODE_64, RECORD_SIZE } from './layout.js';

const MAP_SIZE = PAGE_SIZE * 4;

export class CodePages {
  readonly #memory: PhysicalMemory;
  readonly #translator: CodeTranslator | null;
  /** Addresses of code maps by physical page and variant. A page keeps its maps when its code is dropped. */
  readonly #maps = new Map<number, Map<number, number>>();
  /** Physical pages in the order of their maps. */
  readonly #pages: number[] = [];
  /** What is known of each page that ever had code. */
  readonly #code = new Map<number, PageCode>();
  /** Pages whose last instruction continues on the key page. */
  readonly #continued = new Map<number, Set<number>>();
  #nextRecord: number;

  constructor(memory: PhysicalMemory, translator: CodeTranslator | null) {
    this.#memory = memory;
    this.#translator = translator;
    this.#nextRecord = memory.records;
  }

  /** The code of `page`; made by `open`. */
  codeOf(page: number): PageCode | undefined {
    return this.#code.get(page);
  }

  /** Address of the map of a variant of `page`, which from now on has code; 0 if there is no room. */
  open(page: number, variant: number): number {
    const map = this.#maps.get(page)?.get(variant) ?? this.#addMap(page, variant);
    if (map !== 0) this.#memory.openCode(page, variant === MODE_64 ? map : 0);
    return map;
  }

  #addMap(page: number, variant: number): number {
    if (this.#pages.length === this.#memory.codePages) return 0;
    const map = this.#memory.codeMaps + this.#pages.length * MAP_SIZE;
    this.#memory.mapsUsed = Math.max(this.#memory.mapsUsed, map + MAP_SIZE);
    const maps = this.#maps.get(page) ?? new Map<number, number>();
    this.#maps.set(page, maps.set(variant, map));
    if (!this.#code.has(page)) this.#code.set(page, { since: Infinity });
    this.#pages.push(page);
    return map;
  }

  /** The page that the map at address `map` belongs to. */
  pageOf(map: number): number {
    return this.#pages[(map - this.#memory.codeMaps) / MAP_SIZE];
  }

  /** The last instruction of `page` continues on `next`: losing one loses the other. */
  join(page: number, next: number): void {
    const pages = this.#continued.get(next) ?? new Set();
    pages.add(page);
    this.#continued.set(next, pages);
  }

  /** Forgets the code of a page that is about to be written. */
  drop(page: number): void {
    if (!this.#memory.hasCode(page)) return;
    for (const map of this.#maps.get(page)?.values() ?? []) {
      this.#memory.u8.fill(0, map, map + MAP_SIZE);
      this.#translator?.forget(map);
    }
    this.#forget(page);
    for (const other of this.#continued.get(page) ?? []) this.drop(other);
    this.#continued.delete(page);
  }

  #forget(page: number): void {
    this.#memory.forgetCode(page);
    const code = this.#code.get(page);
    if (code !== undefined) code.since = Infinity;
  }

  dropAll(): void {
    for (const page of this.#pages) this.#forget(page);
    this.#translator?.forgetAll();
    const { u8, codeMaps, codePages } = this.#memory;
    u8.fill(0, codeMaps, codeMaps + codePages * MAP_SIZE);
    this.#maps.clear();
    this.#pages.length = 0;
    this.#continued.clear();
    this.#nextRecord = this.#memory.records;
  }

  /** Room for `count` records, or 0. */
  allocate(count: number): number {
    const at = this.#nextRecord;
    if (at + count * RECORD_SIZE > this.#memory.recordsEnd) return 0;
    this.#nextRecord += count * RECORD_SIZE;
    this.#memory.recordsUsed = Math.max(this.#memory.recordsUsed, this.#nextRecord);
    return at;
  }

  /** Gives back what an allocation of records did not use. */
  trim(end: number): void {
    this.#nextRecord = end;
  }

  record(map: number, offset: number): number {
    return this.#memory.u32[(map >>> 2) + offset];
  }

  setRecord(map: number, offset: number, record: number): void {
    this.#memory.u32[(map >>> 2) + offset] = record;
  }
}
