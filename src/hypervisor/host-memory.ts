/**
 * The page allocator of the host: pages in powers of two, naturally aligned and zeroed, from one range of
 * host-physical memory, as alloc_pages(GFP_KERNEL | __GFP_ZERO, order) gives them (mm/page_alloc.c).
 *
 * Left out: merging of freed blocks, zones, NUMA, and the time that allocation takes.
 */
import { PAGE_SIZE, type PhysicalMemory } from '../hardware/memory/physical-memory.js';

/** Host-physical bytes [start, end), 4-KiB aligned. */
export interface PageRange {
  readonly start: number;
  readonly end: number;
}

/** Smallest order whose 2^order pages hold `bytes` (get_order). */
export function pageOrder(bytes: number): number {
  let order = 0;
  while (PAGE_SIZE * 2 ** order < bytes) order++;
  return order;
}

export class HostMemory {
  readonly #memory: PhysicalMemory;
  readonly #end: number;
  #next: number;
  /** Freed blocks, by order. */
  readonly #free = new Map<number, number[]>();

  constructor(memory: PhysicalMemory, range: PageRange) {
    if (range.start % PAGE_SIZE !== 0 || range.end > memory.ramBytes || range.start > range.end) {
      throw new RangeError('the host memory range must be page-aligned and inside physical memory');
    }
    this.#memory = memory;
    this.#next = range.start;
    this.#end = range.end;
  }

  /** Bytes never handed out. */
  get available(): number {
    return this.#end - this.#next;
  }

  /** Host-physical address of 2^order zeroed pages, aligned to their size. Throws RangeError when memory is short. */
  allocatePages(order = 0): number {
    const bytes = PAGE_SIZE << order;
    const address = this.#free.get(order)?.pop() ?? this.#carve(bytes, bytes);
    this.#memory.bytes(address, bytes).fill(0);
    return address;
  }

  /** Gives back what `allocatePages` returned for the same order. */
  freePages(address: number, order = 0): void {
    const blocks = this.#free.get(order);
    if (blocks === undefined) this.#free.set(order, [address]);
    else blocks.push(address);
  }

  /** Host-physical address of a contiguous zeroed range of whole pages: a guest's memory. */
  allocateRange(bytes: number): number {
    return this.#carve(Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE, PAGE_SIZE);
  }

  #carve(bytes: number, alignment: number): number {
    // In 32-bit arithmetic: V8 then knows the addresses of all structures for integers.
    const address = ((this.#next + alignment - 1) & -alignment) >>> 0;
    if (address + bytes > this.#end)
      throw new RangeError('the host has no memory left for ' + String(bytes) + ' bytes');
    this.#next = address + bytes;
    return address;
  }
}
