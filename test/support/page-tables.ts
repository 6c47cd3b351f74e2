/** 4-level page tables in the memory of a machine. */
import type { PhysicalMemory } from '../../src/hardware/memory/physical-memory.js';

const PAGE = 4096;
const PRESENT = 1;
const USER = 4;
const LARGE = 0x80;
const TABLE_FLAGS = 0x27;
const ADDRESS = ~0xfff;

export class PageTables {
  readonly #memory: PhysicalMemory;
  readonly #root: number;
  /** Where the next table goes. */
  #next: number;

  /** The tables at `root`, filled or not; more are put behind `spare`. */
  constructor(memory: PhysicalMemory, root: number, spare: number) {
    this.#memory = memory;
    this.#root = root;
    this.#next = spare;
  }

  /** Maps the page of `va` to `page` with the flags of a 4-KiB entry. */
  map(va: number, page: number, flags: number): void {
    let table = this.#root;
    for (let level = 3; level > 0; level--) {
      const entry = entryOf(table, va, level);
      if ((this.#memory.read32(entry) & PRESENT) === 0) this.#memory.write32(entry, this.#add() | TABLE_FLAGS);
      table = this.#memory.read32(entry) & ADDRESS;
    }
    this.#memory.writeNumber(entryOf(table, va, 0), page + flags);
  }

  #add(): number {
    const table = this.#next;
    this.#next += PAGE;
    this.#memory.bytes(table, PAGE).fill(0);
    return table;
  }
}

/** Lets user code have every page that the 4-level tables at `table`, of `level`, map. */
export function openToUsers(memory: PhysicalMemory, table: number, level = 3): void {
  for (let entry = table; entry < table + PAGE; entry += 8) {
    const low = memory.read32(entry);
    if ((low & PRESENT) === 0) continue;
    memory.write32(entry, (low | USER) >>> 0);
    if (level > 0 && (low & LARGE) === 0) openToUsers(memory, low & ADDRESS, level - 1);
  }
}

function entryOf(table: number, va: number, level: number): number {
  return table + 8 * Number((BigInt(va) >> BigInt(12 + 9 * level)) & 511n);
}
