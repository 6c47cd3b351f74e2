/**
 * The four page-directory-pointer-table entries of PAE paging, which the processor keeps in registers (SDM vol. 3, 5.4.1):
 * loaded from memory by MOV to CR3 and by what switches PAE paging on, from the guest-state area by VM entries with EPT.
 */
import { MAXPHYADDR } from '../memory/physical-memory.js';

const PRESENT = 1 << 0;
/** Present entries: bits 2:1 and 8:5 must be 0. */
const RESERVED = 0x1e6;

/** Entries of the table, 8 bytes each. */
export const POINTERS = 4;

export class PageDirectoryPointers {
  readonly #words = new Uint32Array(2 * POINTERS);

  /** Bits 31:0 of entry `index`. */
  low(index: number): number {
    return this.#words[2 * index];
  }

  /** Bits 63:32. */
  high(index: number): number {
    return this.#words[2 * index + 1];
  }

  set(index: number, low: number, high: number): void {
    this.#words[2 * index] = low;
    this.#words[2 * index + 1] = high;
  }
}

/** Can PAE paging use this entry? Reserved are also all bits from MAXPHYADDR on. */
export function isValidPdpte(low: number, high: number): boolean {
  return (low & PRESENT) === 0 || ((low & RESERVED) === 0 && high >>> (MAXPHYADDR - 32) === 0);
}
