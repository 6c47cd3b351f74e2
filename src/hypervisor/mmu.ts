/**
 * Guest memory: slots that give guest-physical ranges a place in host-physical memory, and the EPT tables that show
 * them to the processor, filled 4 KiB at a time on demand. Follows kvm_set_memory_region, kvm_tdp_page_fault,
 * set_mmio_spte (mmu/mmu.c) and construct_eptp (vmx.c); formats from SDM vol. 3, 29.3.
 *
 * Left out: large pages, dirty logging, access tracking, memory slots that change or go away.
 */
import type { Cpu } from '../hardware/cpu/cpu.js';
import { MAXPHYADDR } from '../hardware/cpu/layout.js';
import { PAGE_SIZE, type PhysicalMemory } from '../hardware/memory/physical-memory.js';
import type { VmxUnit } from '../hardware/vmx/vmx-unit.js';
import { EEXIST, EINVAL } from './errno.js';
import type { HostMemory } from './host-memory.js';

const TWO_32 = 2 ** 32;

const EPT_READ = 1 << 0;
const EPT_WRITE = 1 << 1;
const EPT_EXECUTE = 1 << 2;
const EPT_RWX = EPT_READ | EPT_WRITE | EPT_EXECUTE;
const EPT_MEMORY_TYPE_WB = 6 << 3;
const EPT_IPAT = 1 << 6;
const EPT_ACCESSED = 1 << 8;
const EPT_DIRTY = 1 << 9;
/** Write and execute without read: always an EPT misconfiguration. KVM's mark of a page without memory. */
const EPT_MISCONFIG_WX = EPT_WRITE | EPT_EXECUTE;

const EPTP_WRITE_BACK = 6;
const EPTP_PAGE_WALK_4 = 3 << 3;
const EPTP_ENABLE_AD = 1 << 6;

const INVEPT_SINGLE_CONTEXT = 1;

const ENTRY_BYTES = 8;
const TOP_LEVEL = 3;

export interface MemorySlot {
  readonly guestPhysical: number;
  readonly bytes: number;
  readonly hostPhysical: number;
}

/** The page is mapped: enter the guest again. */
export const MMU_MAPPED = 0;
/** Not this CPU's turn, or a line of a table is on its way: nothing was changed that a retry does not repeat. */
export const MMU_WAIT = 1;
/** No slot: the access is MMIO. The page is marked so that the next access is an EPT misconfiguration. */
export const MMU_MMIO = 2;

export type MapResult = typeof MMU_MAPPED | typeof MMU_WAIT | typeof MMU_MMIO;

export class Mmu {
  readonly #memory: PhysicalMemory;
  readonly #host: HostMemory;
  readonly #accessedDirty: boolean;
  readonly #slots: MemorySlot[] = [];
  /** Host-physical address of the EPT PML4 table. */
  readonly root: number;

  /** `accessedDirty`: the processor has accessed and dirty flags for EPT (IA32_VMX_EPT_VPID_CAP bit 21). */
  constructor(memory: PhysicalMemory, host: HostMemory, accessedDirty: boolean) {
    this.#memory = memory;
    this.#host = host;
    this.#accessedDirty = accessedDirty;
    this.root = host.allocatePages();
  }

  /** The value for VMCS field 201AH: write-back tables, four levels. */
  get eptPointer(): number {
    return this.root + EPTP_WRITE_BACK + EPTP_PAGE_WALK_4 + (this.#accessedDirty ? EPTP_ENABLE_AD : 0);
  }

  /** 0, -EINVAL for unaligned or oversized slots, -EEXIST when guest-physical addresses overlap another slot. */
  addSlot(slot: MemorySlot): number {
    const { guestPhysical, bytes, hostPhysical } = slot;
    if (guestPhysical % PAGE_SIZE !== 0 || hostPhysical % PAGE_SIZE !== 0 || bytes % PAGE_SIZE !== 0) return -EINVAL;
    if (bytes === 0 || guestPhysical + bytes > 2 ** MAXPHYADDR) return -EINVAL;
    const overlaps = this.#slots.some(
      (other) => guestPhysical < other.guestPhysical + other.bytes && other.guestPhysical < guestPhysical + bytes,
    );
    if (overlaps) return -EEXIST;
    this.#slots.push(slot);
    return 0;
  }

  /** Host-physical address behind a guest-physical one, or -1 without a slot. */
  hostPhysical(guestPhysical: number): number {
    for (const slot of this.#slots) {
      const offset = guestPhysical - slot.guestPhysical;
      if (offset >= 0 && offset < slot.bytes) return slot.hostPhysical + offset;
    }
    return -1;
  }

  /** `length` bytes of guest memory inside one slot, not a copy: for loading a guest and for looking at it. */
  guestBytes(guestPhysical: number, length: number): Uint8Array {
    const first = this.hostPhysical(guestPhysical);
    if (first < 0 || this.hostPhysical(guestPhysical + Math.max(0, length - 1)) !== first + Math.max(0, length - 1)) {
      throw new RangeError('guest-physical ' + guestPhysical.toString(16) + 'H is not memory');
    }
    return this.#memory.bytes(first, length);
  }

  /** Handles an EPT violation at `guestPhysical`: fills in the tables for its page. Repeat while it answers MMU_WAIT. */
  map(cpu: Cpu, guestPhysical: number): MapResult {
    const page = guestPhysical - (guestPhysical % PAGE_SIZE);
    const target = this.hostPhysical(page);
    if (target < 0) return this.#set(cpu, page, 0, EPT_MISCONFIG_WX) ? MMU_MMIO : MMU_WAIT;
    const flags = EPT_RWX | EPT_MEMORY_TYPE_WB | EPT_IPAT | (this.#accessedDirty ? EPT_ACCESSED | EPT_DIRTY : 0);
    return this.#set(cpu, page, target, flags) ? MMU_MAPPED : MMU_WAIT;
  }

  /**
   * Removes the mapping of a page. False: wait, then call again. The caller makes every vCPU leave the guest and
   * executes INVEPT before it relies on the removal.
   */
  zap(cpu: Cpu, guestPhysical: number): boolean {
    return this.#set(cpu, guestPhysical - (guestPhysical % PAGE_SIZE), 0, 0);
  }

  /** vmx_flush_tlb_current: the CPU of `vmx` forgets all translations made through these tables. */
  invalidate(vmx: Pick<VmxUnit, 'invept'>): void {
    vmx.invept(INVEPT_SINGLE_CONTEXT, this.eptPointer);
  }

  /** The leaf entry of a page as it stands, low word first, or null where a table is missing. For dumps and tests. */
  leaf(guestPhysical: number): readonly [low: number, high: number] | null {
    let table = this.root;
    for (let level = TOP_LEVEL; level > 0; level--) {
      const entry = table + index(guestPhysical, level) * ENTRY_BYTES;
      if (this.#memory.read32(entry) === 0) return null;
      table = this.#next(entry);
    }
    const entry = table + index(guestPhysical, 0) * ENTRY_BYTES;
    return [this.#memory.read32(entry), this.#memory.read32(entry + 4)];
  }

  /** Writes a leaf entry with its line held; tables on the way appear as needed. False: wait. */
  #set(cpu: Cpu, page: number, target: number, flags: number): boolean {
    let table = this.root;
    for (let level = TOP_LEVEL; level > 0; level--) {
      const entry = table + index(page, level) * ENTRY_BYTES;
      if (!cpu.lines.hold(cpu, entry, false)) return false;
      if (this.#memory.read32(entry) === 0 && !this.#addTable(cpu, entry)) return false;
      table = this.#next(entry);
    }
    return this.#write(cpu, table + index(page, 0) * ENTRY_BYTES, target, flags);
  }

  /** Pages are allocated in simulated order, so that their addresses do not depend on how far CPUs run ahead. */
  #addTable(cpu: Cpu, entry: number): boolean {
    if (!cpu.lines.hold(cpu, entry, true) || cpu.clock.mustWait(cpu)) return false;
    const flags = EPT_RWX | (this.#accessedDirty ? EPT_ACCESSED : 0);
    this.#store(entry, this.#host.allocatePages(), flags);
    return true;
  }

  #write(cpu: Cpu, entry: number, target: number, flags: number): boolean {
    if (!cpu.lines.hold(cpu, entry, true) || cpu.clock.mustWait(cpu)) return false;
    this.#store(entry, target, flags);
    return true;
  }

  #store(entry: number, address: number, flags: number): void {
    this.#memory.write32(entry, ((address % TWO_32) | flags) >>> 0);
    this.#memory.write32(entry + 4, Math.floor(address / TWO_32));
  }

  #next(entry: number): number {
    const low = this.#memory.read32(entry);
    return this.#memory.read32(entry + 4) * TWO_32 + low - (low % PAGE_SIZE);
  }
}

function index(guestPhysical: number, level: number): number {
  return Math.floor(guestPhysical / 2 ** (12 + 9 * level)) % 512;
}
