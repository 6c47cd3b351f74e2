/**
 * The translated regions of a machine: each is a function in the interpreter's table, which the interpreter calls instead
 * of executing a record that is marked TRANSLATED. A page has one region as a rule, which is translated anew when more of
 * its code is hot. A region goes when the code of its page does.
 */
import type { CodeTranslator } from '../hardware/cpu/code-translator.js';
import type { Engine } from '../hardware/cpu/engine.js';
import {
  ENTRY_BLOCK,
  ENTRY_REGION,
  MOST_COUNTED,
  ORDER_ENTRIES,
  ORDER_TRANSLATE_AFTER,
} from '../hardware/cpu/layout.js';
import { TRANSLATED } from '../hardware/cpu/opcodes.js';
import { R_OP } from '../hardware/cpu/record.js';
import { PAGE_SIZE, type PhysicalMemory } from '../hardware/memory/physical-memory.js';
import { findBlocks, type PageOfRecords } from './region.js';
import { findRegion, keepRegion, type TranslatedRegion } from './region-cache.js';
import { translateRegion } from './region-code.js';

/** The interpreter's table begins with an element that is no function. */
const FIRST_REGION = 1;
/** More than this the code of a guest is not worth; what comes later stays with the interpreter. */
const MOST_REGIONS = 512;
/** A region that has so many blocks, or has been translated so often, stays as it is: the page gets another one. */
const MANY_BLOCKS = 64;
const MOST_VERSIONS = 8;
/** What has been gone to a quarter as often as what is hot is translated with it. */
const WARM_SHARE = 4;

interface Region {
  /** Index in the table. */
  readonly index: number;
  /** Records that are marked. */
  readonly heads: readonly number[];
  readonly version: number;
}

interface Page {
  readonly regions: Region[];
  /** Indices of regions that have been translated anew, and may still be running. */
  readonly replaced: number[];
}

export class Translator implements CodeTranslator {
  readonly #memory: PhysicalMemory;
  readonly #engine: Engine;
  readonly #after: number;
  /** Address of the entry of record 0, if there were one. */
  readonly #entries: number;
  /** By code map. */
  readonly #pages = new Map<number, Page>();
  readonly #free: number[] = [];
  #used: number;

  /** Has the interpreter ask for translations of what it has gone to `after` times, at most MOST_COUNTED. */
  constructor(memory: PhysicalMemory, engine: Engine, after: number) {
    this.#memory = memory;
    this.#engine = engine;
    this.#after = Math.min(after, MOST_COUNTED);
    this.#entries = memory.u32[ORDER_ENTRIES >>> 2];
    memory.u32[ORDER_TRANSLATE_AFTER >>> 2] = this.#after;
    this.#used = engine.table.length - FIRST_REGION;
    // What an earlier machine on this memory has translated is needed no more.
    for (let index = engine.table.length - 1; index >= FIRST_REGION; index--) this.#release(index);
  }

  translate(map: number, record: number): void {
    const index = this.#takeIndex();
    if (index < 0) return;
    const page = this.#pageOf(map);
    const earlier = this.#unmarkGrowing(page);
    const region = this.#regionAt({ view: this.#memory.view, map }, record, earlier?.heads ?? []);
    if (region === undefined) {
      this.#free.push(index);
      if (earlier !== undefined) this.#add(page, earlier);
      return;
    }
    if (earlier !== undefined) page.replaced.push(earlier.index);
    const host = { memory: this.#memory.wasm, ...this.#imports() };
    this.#engine.table.set(index, new WebAssembly.Instance(region.module, { host }).exports['region']);
    this.#add(page, { index, heads: region.heads, version: (earlier?.version ?? 0) + 1 });
  }

  /** A region with blocks that begin at `record` and all of `heads`; undefined if there is no translation of `record`. */
  #regionAt(page: PageOfRecords, record: number, heads: readonly number[]): TranslatedRegion | undefined {
    const entries = this.#entries;
    const known = findRegion(page, entries, [...heads, record]);
    if (known !== undefined) return known;
    const blocks = findBlocks(page, [...heads, record, ...this.#warm(page)]);
    if (!blocks.heads.includes(record)) return undefined;
    const { bytes, records } = translateRegion({ page, entries, ...blocks });
    const region = { heads: blocks.heads, module: new WebAssembly.Module(bytes) };
    keepRegion(page, entries, region, records);
    return region;
  }

  #pageOf(map: number): Page {
    const page = this.#pages.get(map) ?? { regions: [], replaced: [] };
    this.#pages.set(map, page);
    return page;
  }

  #takeIndex(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#used === MOST_REGIONS) return -1;
    this.#used++;
    return this.#engine.table.grow(1);
  }

  #release(index: number): void {
    this.#engine.table.set(index, null);
    this.#free.push(index);
  }

  /** Takes the region from the page that is to be translated anew with more entries, if there is one. */
  #unmarkGrowing({ regions }: Page): Region | undefined {
    const last = regions.at(-1);
    if (last === undefined || last.heads.length > MANY_BLOCKS || last.version === MOST_VERSIONS) return undefined;
    regions.pop();
    this.#unmark(last);
    return last;
  }

  /** Records that have been gone to nearly as often as what is hot. */
  #warm(page: PageOfRecords): number[] {
    const records = this.#memory.u32.subarray(page.map >>> 2, (page.map >>> 2) + PAGE_SIZE);
    return Array.from(records.filter((record) => record !== 0 && this.#count(record) * WARM_SHARE >= this.#after));
  }

  /** How often a record was gone to; 0 if it has been translated. */
  #count(record: number): number {
    const count = this.#memory.u32[(this.#entries + (record >>> 3)) >>> 2];
    return count > MOST_COUNTED ? 0 : count;
  }

  #imports(): Record<string, unknown> {
    const { accessFromRegion, go, iretq, multiplyHighSigned, rare, spinFromRegion } = this.#engine;
    return { accessFromRegion, go, iretq, multiplyHighSigned, rare, spinFromRegion };
  }

  #add({ regions }: Page, region: Region): void {
    const { view } = this.#memory;
    regions.push(region);
    for (const [block, address] of region.heads.entries()) {
      const entry = this.#entries + (address >>> 3);
      view.setUint16(entry + ENTRY_BLOCK, block, true);
      view.setUint16(entry + ENTRY_REGION, region.index, true);
      view.setUint16(address + R_OP, view.getUint16(address + R_OP, true) | TRANSLATED, true);
    }
  }

  #unmark({ heads }: Region): void {
    const { view } = this.#memory;
    for (const address of heads) {
      view.setUint32(this.#entries + (address >>> 3), 0, true);
      view.setUint16(address + R_OP, view.getUint16(address + R_OP, true) & ~TRANSLATED, true);
    }
  }

  forget(map: number): void {
    const page = this.#pages.get(map);
    if (page === undefined) return;
    for (const region of page.regions) this.#unmark(region);
    for (const index of [...page.regions.map((each) => each.index), ...page.replaced]) this.#release(index);
    this.#pages.delete(map);
  }

  forgetAll(): void {
    for (const map of [...this.#pages.keys()]) this.forget(map);
  }
}
