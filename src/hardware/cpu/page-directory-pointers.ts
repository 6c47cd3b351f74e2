/**
 * The four page-directory-pointer-table entries of PAE paging, which the processor keeps in registers (SDM vol. 3, 5.4.1):
 * loaded from memory by MOV to CR3 and by what switches PAE paging on, from the guest-state area by VM entries with EPT.
 */
import { CPU_PDPTES, MAXPHYADDR } from './layout.js';
import type { StateBlock } from './state-block.js';

const PRESENT = 1 << 0;
/** Present entries: bits 2:1 and 8:5 must be 0. */
const RESERVED = 0x1e6;

/** Entries of the table, 8 bytes each. */
export const POINTERS = 4;

export class PageDirectoryPointers {
  readonly #state: Pick<StateBlock, 'word' | 'setWord'>;

  constructor(state: Pick<StateBlock, 'word' | 'setWord'>) {
    this.#state = state;
  }

  /** Bits 31:0 of entry `index`. */
  low(index: number): number {
    return this.#state.word(CPU_PDPTES + 8 * index);
  }

  /** Bits 63:32. */
  high(index: number): number {
    return this.#state.word(CPU_PDPTES + 8 * index + 4);
  }

  set(index: number, low: number, high: number): void {
    this.#state.setWord(CPU_PDPTES + 8 * index, low);
    this.#state.setWord(CPU_PDPTES + 8 * index + 4, high);
  }
}

/** Can PAE paging use this entry? Reserved are also all bits from MAXPHYADDR on. */
export function isValidPdpte(low: number, high: number): boolean {
  return (low & PRESENT) === 0 || ((low & RESERVED) === 0 && high >>> (MAXPHYADDR - 32) === 0);
}
