/**
 * Address translation: 32-bit, PAE and 4-level paging (SDM vol. 3, 5.3 to 5.5) and EPT (29.3), with accessed and dirty
 * flags.
 *
 * Every paging-structure access is an access of this CPU to physical memory: it needs the cache line and may have to
 * wait. Nothing is committed before the whole translation stands, except accessed flags on the way, as in hardware.
 * Not modelled: 5-level paging, PCID, protection keys, SMAP; EPT accessed and dirty flags.
 */
import { FAULT, WAIT } from '../cpu/outcome.js';
import type { Cpu } from '../cpu/cpu.js';
import { ACCESS_FETCH, ACCESS_READ } from '../cpu/layout.js';
import { VECTOR_PF } from '../cpu/fault.js';
import { MAXPHYADDR } from './physical-memory.js';

const TWO_32 = 2 ** 32;
const PTE_PRESENT = 0x01;
const PTE_WRITABLE = 0x02;
const PTE_USER = 0x04;
const PTE_ACCESSED = 0x20;
const PTE_DIRTY = 0x40;
const PTE_LARGE = 0x80;
const PTE_NX_HIGH = 0x8000_0000;
/** Bit 21 of the entry of a page of 4 MiB. */
const PDE_4M_RESERVED = 1 << 21;
const CR0_WP = 1 << 16;
const CR0_PG = 1 << 31;
const CR4_PSE = 1 << 4;
const CR4_PAE = 1 << 5;
const EFER_LMA = 1 << 10;
const EFER_NXE = 1 << 11;

const PF_PRESENT = 1;
const PF_WRITE = 2;
const PF_USER = 4;
const PF_RESERVED = 8;
const PF_FETCH = 16;

const EPT_READ = 1;
const EPT_WRITE = 2;
const EPT_EXECUTE = 4;
const EPT_QUALIFICATION_LINEAR_VALID = 1 << 7;
const EPT_QUALIFICATION_TRANSLATION = 1 << 8;
const EPT_PERMISSION_SHIFT = 3;

/** Physical-address bits 51:32 live in bits 19:0 of the high word; those from MAXPHYADDR on are reserved. */
const ADDRESS_HIGH = 0x000f_ffff;
const RESERVED_HIGH = (0x000f_ffff << (MAXPHYADDR - 32)) & ADDRESS_HIGH;
const MAPPED_SIZE = [2 ** 12, 2 ** 21, 2 ** 30] as const;

/** A completed translation of a page, for the TLB: what else it allows without another walk. */
export interface Translation {
  /** Host-physical address of the byte. */
  pa: number;
  /** The paging and EPT permissions let this privilege level store, and the dirty flag is set. */
  writable: boolean;
}

/** Result of the last successful `translate`; reused to avoid garbage. */
export const translation: Translation = { pa: 0, writable: false };

/**
 * Translates canonical linear address `va` for an access (ACCESS_*) at user or supervisor privilege. Returns the
 * host-physical address and fills `translation`, or -WAIT, or -FAULT with cpu.fault set (#PF or EPT event).
 */
export function translate(cpu: Cpu, va: number, access: number, user: boolean): number {
  if ((cpu.cr0 & CR0_PG) === 0) return finish(cpu, va, va, access, true);
  if ((cpu.eferLow & EFER_LMA) !== 0) return walk(cpu, va, access, user, cpu.cr3 - (cpu.cr3 & 0xfff), 3);
  return (cpu.cr4 & CR4_PAE) !== 0 ? walkPae(cpu, va, access, user) : walk32Bit(cpu, va, access, user);
}

function isWrite(access: number): boolean {
  return access !== ACCESS_READ && access !== ACCESS_FETCH;
}

/** Tables of 512 entries with 8 bytes each, from `table` at `top` down to level 0. */
function walk(cpu: Cpu, va: number, access: number, user: boolean, top: number, topLevel: number): number {
  const write = isWrite(access);
  let table = top;
  const high = Math.floor(va / TWO_32);
  const low = va >>> 0;
  let rights = PTE_WRITABLE | PTE_USER;
  let executable = true;
  for (let level = topLevel; ; level--) {
    const index =
      level === 3
        ? (high >>> 7) & 511
        : level === 2
          ? ((high << 2) | (low >>> 30)) & 511
          : (low >>> (12 + 9 * level)) & 511;
    const entry = guestPhysical(cpu, table + index * 8, va, false);
    if (entry < 0) return entry;
    if (!cpu.lines.hold(cpu, entry, false)) return -WAIT;
    const word = cpu.memory.read32(entry);
    const wordHigh = cpu.memory.read32(entry + 4);
    if ((word & PTE_PRESENT) === 0) return pageFault(cpu, va, access, user, 0);
    const leaf = level === 0 || ((word & PTE_LARGE) !== 0 && level < 3);
    const noExecute = (wordHigh & PTE_NX_HIGH) !== 0;
    if (reserved(cpu, word, wordHigh, level, leaf, noExecute))
      return pageFault(cpu, va, access, user, PF_PRESENT | PF_RESERVED);
    rights &= word;
    if (noExecute) executable = false;
    if (!leaf) {
      if ((word & PTE_ACCESSED) === 0 && !setFlags(cpu, entry, PTE_ACCESSED)) return -WAIT;
      table = (wordHigh & ADDRESS_HIGH) * TWO_32 + ((word & 0xffff_f000) >>> 0);
      continue;
    }
    const writable = isWritable(cpu, rights, user);
    if ((user && (rights & PTE_USER) === 0) || (write && !writable) || (access === ACCESS_FETCH && !executable)) {
      return pageFault(cpu, va, access, user, PF_PRESENT);
    }
    const flags = write ? PTE_ACCESSED | PTE_DIRTY : PTE_ACCESSED;
    if ((word & flags) !== flags && !setFlags(cpu, entry, flags)) return -WAIT;
    const size = MAPPED_SIZE[level];
    const base = (wordHigh & ADDRESS_HIGH) * TWO_32 + ((word & -size) >>> 0);
    const gpa = base + (low & (size - 1));
    return finish(cpu, va, gpa, access, writable && (write || (word & PTE_DIRTY) !== 0));
  }
}

function isWritable(cpu: Cpu, rights: number, user: boolean): boolean {
  return (rights & PTE_WRITABLE) !== 0 || (!user && (cpu.cr0 & CR0_WP) === 0);
}

// ---- Outside IA-32e mode

/** The four pointers at the top are registers: an access takes no paging-structure access for them. */
function walkPae(cpu: Cpu, va: number, access: number, user: boolean): number {
  const low = cpu.pdptes.low(va >>> 30);
  if ((low & PTE_PRESENT) === 0) return pageFault(cpu, va, access, user, 0);
  const table = (cpu.pdptes.high(va >>> 30) & ADDRESS_HIGH) * TWO_32 + ((low & 0xffff_f000) >>> 0);
  return walk(cpu, va, access, user, table, 1);
}

/** Two levels of 1024 entries with 4 bytes each; pages of 4 MiB with CR4.PSE. */
function walk32Bit(cpu: Cpu, va: number, access: number, user: boolean): number {
  let entry = guestPhysical(cpu, ((cpu.cr3 & 0xffff_f000) >>> 0) + 4 * (va >>> 22), va, false);
  if (entry < 0) return entry;
  if (!cpu.lines.hold(cpu, entry, false)) return -WAIT;
  let word = cpu.memory.read32(entry);
  if ((word & PTE_PRESENT) === 0) return pageFault(cpu, va, access, user, 0);
  const large = (word & PTE_LARGE) !== 0 && (cpu.cr4 & CR4_PSE) !== 0;
  if (large && (word & PDE_4M_RESERVED) !== 0) return pageFault(cpu, va, access, user, PF_PRESENT | PF_RESERVED);
  let rights = word;
  if (!large) {
    if ((word & PTE_ACCESSED) === 0 && !setFlags(cpu, entry, PTE_ACCESSED)) return -WAIT;
    entry = guestPhysical(cpu, ((word & 0xffff_f000) >>> 0) + 4 * ((va >>> 12) & 1023), va, false);
    if (entry < 0) return entry;
    if (!cpu.lines.hold(cpu, entry, false)) return -WAIT;
    word = cpu.memory.read32(entry);
    if ((word & PTE_PRESENT) === 0) return pageFault(cpu, va, access, user, 0);
    rights &= word;
  }
  const write = isWrite(access);
  const writable = isWritable(cpu, rights, user);
  if ((user && (rights & PTE_USER) === 0) || (write && !writable)) return pageFault(cpu, va, access, user, PF_PRESENT);
  const flags = write ? PTE_ACCESSED | PTE_DIRTY : PTE_ACCESSED;
  if ((word & flags) !== flags && !setFlags(cpu, entry, flags)) return -WAIT;
  return finish(cpu, va, address32(word, va, large), access, writable && (write || (word & PTE_DIRTY) !== 0));
}

/** Bits 39:32 of the address of a page of 4 MiB stand in bits 20:13 of its entry. */
function address32(word: number, va: number, large: boolean): number {
  if (!large) return ((word & 0xffff_f000) >>> 0) + (va & 0xfff);
  return ((word >>> 13) & 0xff) * TWO_32 + ((word & 0xffc0_0000) >>> 0) + (va & 0x3f_ffff);
}

function finish(cpu: Cpu, va: number, gpa: number, access: number, writable: boolean): number {
  const pa = guestPhysical(cpu, gpa, va, true, access);
  if (pa < 0) return pa;
  translation.pa = pa;
  translation.writable = writable && eptWritable;
  return pa;
}

function reserved(cpu: Cpu, word: number, wordHigh: number, level: number, leaf: boolean, noExecute: boolean): boolean {
  if ((wordHigh & RESERVED_HIGH) !== 0) return true;
  if (noExecute && (cpu.eferLow & EFER_NXE) === 0) return true;
  if (level === 3) return (word & PTE_LARGE) !== 0;
  // Large pages: address bits below the page size, except PAT (bit 12).
  return leaf && level > 0 && (word & (MAPPED_SIZE[level] - 1) & 0xffff_e000) !== 0;
}

function setFlags(cpu: Cpu, entry: number, flags: number): boolean {
  if (!cpu.lines.hold(cpu, entry, true)) return false;
  cpu.memory.write32(entry, cpu.memory.read32(entry) | flags);
  return true;
}

function pageFault(cpu: Cpu, va: number, access: number, user: boolean, flags: number): number {
  let errorCode = flags;
  if (user) errorCode |= PF_USER;
  if (access === ACCESS_FETCH) {
    if ((cpu.eferLow & EFER_NXE) !== 0 && (cpu.cr4 & CR4_PAE) !== 0) errorCode |= PF_FETCH;
  } else if (access !== ACCESS_READ) errorCode |= PF_WRITE;
  cpu.fault = { kind: 'exception', vector: VECTOR_PF, errorCode, address: va };
  return -FAULT;
}

/** Whether the last EPT walk allowed stores (true without EPT). */
let eptWritable = true;

/**
 * Guest-physical to host-physical. `translated` is false for accesses to the guest's paging structures. Returns the
 * address, -WAIT, or -FAULT with an EPT event in cpu.fault.
 */
export function guestPhysical(
  cpu: Cpu,
  gpa: number,
  va: number,
  translated: boolean,
  access: number = ACCESS_READ,
): number {
  const root = cpu.nonRoot === null ? -1 : cpu.nonRoot.eptRoot;
  eptWritable = true;
  if (root < 0) return gpa;
  const needed = access === ACCESS_FETCH ? EPT_EXECUTE : access === ACCESS_READ ? EPT_READ : EPT_READ | EPT_WRITE;
  const operation = access === ACCESS_FETCH ? 4 : access === ACCESS_READ ? 1 : 2;
  let table = root;
  let rights = EPT_READ | EPT_WRITE | EPT_EXECUTE;
  const high = Math.floor(gpa / TWO_32);
  const low = gpa >>> 0;
  for (let level = 3; ; level--) {
    const index =
      level === 3
        ? (high >>> 7) & 511
        : level === 2
          ? ((high << 2) | (low >>> 30)) & 511
          : (low >>> (12 + 9 * level)) & 511;
    const entry = table + index * 8;
    if (!cpu.lines.hold(cpu, entry, false)) return -WAIT;
    const word = cpu.memory.read32(entry);
    const wordHigh = cpu.memory.read32(entry + 4);
    rights &= word;
    const present = (word & 7) !== 0;
    const leaf = level === 0 || ((word & PTE_LARGE) !== 0 && level < 3);
    if (present && misconfigured(word, wordHigh, level, leaf)) return eptFault(cpu, true, gpa, va, 0);
    if (!present || (leaf && (rights & needed) !== needed)) {
      const permissions = present ? rights << EPT_PERMISSION_SHIFT : 0;
      const linear = EPT_QUALIFICATION_LINEAR_VALID | (translated ? EPT_QUALIFICATION_TRANSLATION : 0);
      return eptFault(cpu, false, gpa, va, operation | permissions | linear);
    }
    const base = (wordHigh & ADDRESS_HIGH) * TWO_32 + ((word & 0xffff_f000) >>> 0);
    if (leaf) {
      eptWritable = (rights & EPT_WRITE) !== 0;
      return base + (low & (MAPPED_SIZE[level] - 1));
    }
    table = base;
  }
}

/** SDM 29.3.3.1: write-only or (without execute-only support) execute-only, reserved bits, bad memory type. */
function misconfigured(word: number, wordHigh: number, level: number, leaf: boolean): boolean {
  if ((word & EPT_READ) === 0) return true;
  if ((wordHigh & RESERVED_HIGH) !== 0) return true;
  if (!leaf) return (word & 0xf8) !== 0;
  const type = (word >>> 3) & 7;
  if (type === 2 || type === 3 || type === 7) return true;
  return level > 0 && (word & (MAPPED_SIZE[level] - 1) & 0xffff_f000) !== 0;
}

function eptFault(cpu: Cpu, misconfiguration: boolean, gpa: number, va: number, qualification: number): number {
  cpu.fault = { kind: 'ept', misconfiguration, guestPhysical: gpa, qualification, linear: va };
  return -FAULT;
}
