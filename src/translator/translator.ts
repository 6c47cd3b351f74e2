/**
 * The translated regions of a machine: each is a function in the interpreter's table, which the interpreter calls instead
 * of executing a record that is marked TRANSLATED. A region goes when the code of its page does.
 */
import type { CodeTranslator } from '../hardware/cpu/code-translator.js';
import type { Engine } from '../hardware/cpu/engine.js';
import { ENTRY_BLOCK, ENTRY_REGION, ORDER_ENTRIES, ORDER_TRANSLATE_AFTER } from '../hardware/cpu/layout.js';
import { TRANSLATED } from '../hardware/cpu/opcodes.js';
import { R_OP } from '../hardware/cpu/record.js';
import type { PhysicalMemory } from '../hardware/memory/physical-memory.js';
import { findBlocks } from './region.js';
import { translateRegion } from './region-code.js';

/** More than this the code of a guest is not worth; what comes later stays with the interpreter. */
const MOST_REGIONS = 512;

interface Region {
  /** Index in the table. */
  readonly index: number;
  /** Records that are marked. */
  readonly blocks: readonly number[];
}

export class Translator implements CodeTranslator {
  readonly #memory: PhysicalMemory;
  readonly #engine: Engine;
  /** Address of the entry of record 0, if there were one. */
  readonly #entries: number;
  /** By code map. */
  readonly #regions = new Map<number, Region[]>();
  readonly #free: number[] = [];
  #used = 0;

  /** Has the interpreter ask for translations of what it has gone to `after` times. */
  constructor(memory: PhysicalMemory, engine: Engine, after: number) {
    this.#memory = memory;
    this.#engine = engine;
    this.#entries = memory.u32[ORDER_ENTRIES >>> 2];
    memory.u32[ORDER_TRANSLATE_AFTER >>> 2] = after;
  }

  translate(map: number, record: number): void {
    const page = { view: this.#memory.view, map };
    const blocks = findBlocks(page, record);
    if (blocks.length === 0) return;
    const index = this.#takeIndex();
    if (index < 0) return;
    const module = new WebAssembly.Module(translateRegion({ page, blocks, index, entries: this.#entries }));
    const { exports } = new WebAssembly.Instance(module, { host: { memory: this.#memory.wasm, ...this.#imports() } });
    this.#engine.table.set(index, exports['region']);
    for (const [number, address] of blocks.entries()) this.#mark(address, number, index);
    const regions = this.#regions.get(map) ?? [];
    this.#regions.set(map, regions);
    regions.push({ index, blocks });
  }

  #takeIndex(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#used === MOST_REGIONS) return -1;
    this.#used++;
    return this.#engine.table.grow(1);
  }

  #imports(): Record<string, unknown> {
    const { accessFromRegion, go, multiplyHighSigned, rare } = this.#engine;
    return { accessFromRegion, go, multiplyHighSigned, rare };
  }

  #mark(address: number, block: number, region: number): void {
    const { view } = this.#memory;
    const entry = this.#entries + (address >>> 3);
    view.setUint16(entry + ENTRY_BLOCK, block, true);
    view.setUint16(entry + ENTRY_REGION, region, true);
    view.setUint16(address + R_OP, view.getUint16(address + R_OP, true) | TRANSLATED, true);
  }

  forget(map: number): void {
    for (const region of this.#regions.get(map) ?? []) this.#forgetRegion(region);
    this.#regions.delete(map);
  }

  #forgetRegion({ index, blocks }: Region): void {
    const { view } = this.#memory;
    this.#engine.table.set(index, null);
    this.#free.push(index);
    for (const address of blocks) {
      view.setUint32(this.#entries + (address >>> 3), 0, true);
      view.setUint16(address + R_OP, view.getUint16(address + R_OP, true) & ~TRANSLATED, true);
    }
  }

  forgetAll(): void {
    for (const map of [...this.#regions.keys()]) this.forget(map);
  }
}
