/**
 * Address translation written down a second time, straight from the SDM (vol. 3, 5.3 to 5.5 and 29.3) with bigints and no
 * regard for speed or cache lines: what the interpreter's walk is compared with.
 */
import {
  ACCESS_FETCH,
  ACCESS_READ,
  MAXPHYADDR,
  PRIVILEGE_SUPERVISOR,
  PRIVILEGE_USER,
} from '../../src/hardware/cpu/layout.js';
import type { Fault } from '../../src/hardware/cpu/fault.js';

const PAGE_FAULT = 14;

/** Everything that a translation depends on. */
export interface Paging {
  readonly cr0: { readonly pg: boolean; readonly wp: boolean };
  readonly cr4: { readonly pse: boolean; readonly pae: boolean; readonly smep: boolean; readonly smap: boolean };
  readonly ac: boolean;
  readonly efer: { readonly lma: boolean; readonly nxe: boolean };
  readonly cr3: bigint;
  readonly pdptes: readonly bigint[];
  /** -1n = no EPT. */
  readonly eptRoot: bigint;
  /** The 64 bits at a host-physical address, a multiple of 8. */
  readonly read: (pa: bigint) => bigint;
  /** Sets bits there. */
  readonly set: (pa: bigint, bits: bigint) => void;
}

export interface Access {
  readonly va: number;
  readonly access: number;
  /** PRIVILEGE_*. */
  readonly privilege: number;
}

export interface Translation {
  readonly pa: number;
  /** Stores are allowed as well. */
  readonly writable: boolean;
}

class Failed extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super('translation fails');
    this.fault = fault;
  }
}

export function referenceWalk(paging: Paging, access: Access): Translation | Fault {
  try {
    const { pa, writable } = new ReferenceWalk(paging, access).translate();
    return { pa: Number(pa), writable };
  } catch (error) {
    if (error instanceof Failed) return error.fault;
    throw error;
  }
}

const bits = (value: bigint, high: number, low: number): bigint =>
  (value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);
const bit = (value: bigint, at: number): boolean => bits(value, at, at) === 1n;

interface Reached {
  readonly pa: bigint;
  readonly writable: boolean;
}

class ReferenceWalk {
  readonly #paging: Paging;
  readonly #access: Access;
  readonly #va: bigint;
  readonly #writes: boolean;

  constructor(paging: Paging, access: Access) {
    this.#paging = paging;
    this.#access = access;
    this.#va = BigInt.asUintN(64, BigInt(access.va));
    this.#writes = access.access !== ACCESS_READ && access.access !== ACCESS_FETCH;
  }

  translate(): Reached {
    const { cr0, cr3, cr4, efer, pdptes } = this.#paging;
    if (!cr0.pg) return this.#reach(this.#va, true);
    if (efer.lma) return this.#tables(bits(cr3, 51, 12) << 12n, [47, 38, 29, 20]);
    if (!cr4.pae) return this.#tables32();
    const pointer = pdptes[Number(bits(this.#va, 31, 30))];
    if (!bit(pointer, 0)) return this.#pageFault(0);
    return this.#tables(bits(pointer, 51, 12) << 12n, [29, 20]);
  }

  /** `tops`: the highest bit of the linear address that each table in turn is indexed with. */
  #tables(root: bigint, tops: readonly number[]): Reached {
    const entries: bigint[] = [];
    let table = root;
    for (const top of tops) {
      const gpaOfEntry = table + 8n * bits(this.#va, top, top - 8);
      const at = this.#guest(gpaOfEntry);
      const entry = this.#paging.read(at);
      const size = top - 8;
      if (!bit(entry, 0)) this.#pageFault(0);
      const maps = size === 12 || (bit(entry, 7) && size !== 39);
      if (this.#isReserved(entry, size, maps)) this.#pageFault(1 | 8);
      entries.push(entry);
      if (maps) {
        const writable = this.#check(
          entries.every((e) => bit(e, 1)),
          entries.every((e) => bit(e, 2)),
        );
        if (this.#access.access === ACCESS_FETCH && entries.some((e) => bit(e, 63))) this.#pageFault(1);
        this.#mark(gpaOfEntry, at, this.#writes ? 0x60n : 0x20n);
        const gpa = (bits(entry, 51, size) << BigInt(size)) | bits(this.#va, size - 1, 0);
        return this.#reach(gpa, writable && (this.#writes || bit(entry, 6)));
      }
      this.#mark(gpaOfEntry, at, 0x20n);
      table = bits(entry, 51, 12) << 12n;
    }
    throw new Error('the last table maps');
  }

  #isReserved(entry: bigint, size: number, maps: boolean): boolean {
    if (bits(entry, 51, MAXPHYADDR) !== 0n) return true;
    if (bit(entry, 63) && !this.#paging.efer.nxe) return true;
    if (size === 39) return bit(entry, 7);
    return maps && size > 13 && bits(entry, size - 1, 13) !== 0n;
  }

  #tables32(): Reached {
    const first = (bits(this.#paging.cr3, 31, 12) << 12n) + 4n * bits(this.#va, 31, 22);
    const at = this.#guest(first);
    const directory = this.#read32(at);
    if (!bit(directory, 0)) this.#pageFault(0);
    if (bit(directory, 7) && this.#paging.cr4.pse) {
      if (bit(directory, 21)) this.#pageFault(1 | 8);
      const writable = this.#check(bit(directory, 1), bit(directory, 2));
      this.#mark(first, at, this.#writes ? 0x60n : 0x20n);
      const gpa = (bits(directory, 20, 13) << 32n) | (bits(directory, 31, 22) << 22n) | bits(this.#va, 21, 0);
      return this.#reach(gpa, writable && (this.#writes || bit(directory, 6)));
    }
    this.#mark(first, at, 0x20n);
    const second = (bits(directory, 31, 12) << 12n) + 4n * bits(this.#va, 21, 12);
    const below = this.#guest(second);
    const entry = this.#read32(below);
    if (!bit(entry, 0)) this.#pageFault(0);
    const writable = this.#check(bit(directory, 1) && bit(entry, 1), bit(directory, 2) && bit(entry, 2));
    this.#mark(second, below, this.#writes ? 0x60n : 0x20n);
    const gpa = (bits(entry, 31, 12) << 12n) | bits(this.#va, 11, 0);
    return this.#reach(gpa, writable && (this.#writes || bit(entry, 6)));
  }

  /** Faults unless the rights of all levels allow the access; may this privilege level store? */
  #check(writable: boolean, user: boolean): boolean {
    const mayWrite = writable || (!this.#isUser && !this.#paging.cr0.wp);
    if (!this.#hasPage(user) || (this.#writes && !mayWrite)) this.#pageFault(1);
    return mayWrite;
  }

  get #isUser(): boolean {
    return this.#access.privilege === PRIVILEGE_USER;
  }

  /** SDM vol. 3, 5.6.1: user pages for user accesses; for supervisor accesses what SMEP and SMAP leave. */
  #hasPage(user: boolean): boolean {
    const { ac, cr4 } = this.#paging;
    if (this.#isUser) return user;
    if (this.#access.access === ACCESS_FETCH) return !(user && cr4.smep);
    const explicit = this.#access.privilege === PRIVILEGE_SUPERVISOR;
    return !(user && cr4.smap) || (explicit && ac);
  }

  #read32(pa: bigint): bigint {
    const both = this.#paging.read(pa & ~7n);
    return bit(pa, 2) ? bits(both, 63, 32) : bits(both, 31, 0);
  }

  /** A flag that is missing is set by a read and write, which EPT has to allow. */
  #mark(gpa: bigint, pa: bigint, flags: bigint): void {
    const entry = this.#read32(pa & ~3n);
    if ((entry & flags) === flags) return;
    this.#ept(gpa, 3n, 3, false);
    this.#paging.set(pa & ~7n, bit(pa, 2) ? flags << 32n : flags);
  }

  #pageFault(flags: number): never {
    const { access, va } = this.#access;
    const { cr4, efer } = this.#paging;
    const fetch = access === ACCESS_FETCH && (cr4.smep || (efer.nxe && cr4.pae));
    const errorCode = flags | (this.#writes ? 2 : 0) | (this.#isUser ? 4 : 0) | (fetch ? 16 : 0);
    throw new Failed({ kind: 'exception', vector: PAGE_FAULT, errorCode, address: va });
  }

  #reach(gpa: bigint, writable: boolean): Reached {
    const { access } = this.#access;
    const needed = access === ACCESS_FETCH ? 4n : access === ACCESS_READ ? 1n : 3n;
    const reached = this.#ept(gpa, needed, access === ACCESS_FETCH ? 4 : access === ACCESS_READ ? 1 : 2, true);
    return { pa: reached.pa, writable: writable && bit(reached.rights, 1) };
  }

  /** Of a paging-structure entry. */
  #guest(gpa: bigint): bigint {
    return this.#ept(gpa, 1n, 1, false).pa;
  }

  #ept(gpa: bigint, needed: bigint, operation: number, translated: boolean): { pa: bigint; rights: bigint } {
    let rights = 7n;
    let table = this.#paging.eptRoot;
    if (table < 0n) return { pa: gpa, rights };
    for (let size = 39; ; size -= 9) {
      const entry = this.#paging.read(table + 8n * bits(gpa, size + 8, size));
      const isPresent = bits(entry, 2, 0) !== 0n;
      const maps = size === 12 || (size < 39 && bit(entry, 7));
      rights &= bits(entry, 2, 0);
      if (isPresent && isMisconfigured(entry, size, maps)) this.#eptEvent(gpa, true, 0);
      if (!isPresent || (maps && (rights & needed) !== needed)) {
        const allowed = isPresent ? Number(rights) << 3 : 0;
        this.#eptEvent(gpa, false, operation | allowed | 0x80 | (translated ? 0x100 : 0));
      }
      table = bits(entry, 51, 12) << 12n;
      if (maps) return { pa: table | bits(gpa, size - 1, 0), rights };
    }
  }

  #eptEvent(gpa: bigint, misconfiguration: boolean, qualification: number): never {
    const linear = this.#access.va;
    throw new Failed({ kind: 'ept', misconfiguration, guestPhysical: Number(gpa), qualification, linear });
  }
}

function isMisconfigured(entry: bigint, size: number, maps: boolean): boolean {
  if (!bit(entry, 0) || bits(entry, 51, MAXPHYADDR) !== 0n) return true;
  if (!maps) return bits(entry, 7, 3) !== 0n;
  const type = bits(entry, 5, 3);
  return type === 2n || type === 3n || type === 7n || (size > 12 && bits(entry, size - 1, 12) !== 0n);
}
