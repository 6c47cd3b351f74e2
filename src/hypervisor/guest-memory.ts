/**
 * Guest memory as the VMM process sees it: raw access by guest-physical address, for loading a guest and for looking at
 * it when nothing runs.
 */
import type { PhysicalMemory } from '../hardware/memory/physical-memory.js';
import type { Mmu } from './mmu.js';

export class GuestMemory {
  readonly #memory: PhysicalMemory;
  readonly #mmu: Mmu;

  constructor(memory: PhysicalMemory, mmu: Mmu) {
    this.#memory = memory;
    this.#mmu = mmu;
  }

  /** `length` bytes inside one memory slot, not a copy. Throws a RangeError where there is no memory. */
  bytes(guestPhysical: number, length: number): Uint8Array {
    return this.#mmu.guestBytes(guestPhysical, length);
  }

  write(guestPhysical: number, bytes: Uint8Array): void {
    this.bytes(guestPhysical, bytes.length).set(bytes);
  }

  /** The 64-bit word at an 8-byte aligned address. */
  read64(guestPhysical: number): bigint {
    this.bytes(guestPhysical, 8);
    return this.#memory.read64(this.#mmu.hostPhysical(guestPhysical));
  }
}
