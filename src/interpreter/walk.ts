// Address translation: 32-bit, PAE and 4-level paging (SDM vol. 3, 5.3 to 5.5) and EPT (29.3), with accessed and dirty
// flags.
//
// Every paging-structure access is an access of this CPU to physical memory: it needs the cache line and may have to
// wait. Nothing is committed before the whole translation stands, except accessed flags on the way, as in hardware.
// Where there is no memory, entries read as all ones. Not modelled: 5-level paging, PCID, protection keys; EPT
// accessed and dirty flags.
import {
  CR0_WP,
  CR0_PG,
  CR4_PSE,
  CR4_PAE,
  CR4_SMEP,
  CR4_SMAP,
  EFER_LMA,
  EFER_NXE,
} from '../hardware/cpu/control-register-bits';
import {
  ACCESS_FETCH,
  ACCESS_FLAGS,
  ACCESS_READ,
  CPU_CR0,
  CPU_CR3,
  CPU_CR4,
  CPU_EFER,
  CPU_EPT_ROOT,
  CPU_MAPPINGS,
  CPU_MAPPINGS_KNOWN,
  CPU_PDPTES,
  CPU_WALK_ERROR,
  CPU_WALK_FAULT,
  CPU_WALK_LINEAR,
  CPU_WALK_PHYSICAL,
  CPU_WALK_WRITABLE,
  MAPPING_SIZE,
  MAPPINGS,
  MAXPHYADDR,
  ORDER_RAM,
  ORDER_RAM_BYTES,
  PRIVILEGE_IMPLICIT,
  PRIVILEGE_USER,
  WALK_DONE,
  WALK_EPT_MISCONFIGURATION,
  WALK_EPT_VIOLATION,
  WALK_FAULTS,
  WALK_PAGE_FAULT,
  WALK_WAITS,
} from '../hardware/cpu/layout';
import { hold } from './lines';
import { overridesSmap } from './tlb-bank';

const PTE_PRESENT: u64 = 1 << 0;
const PTE_WRITABLE: u64 = 1 << 1;
const PTE_USER: u64 = 1 << 2;
const PTE_ACCESSED: u64 = 1 << 5;
const PTE_DIRTY: u64 = 1 << 6;
const PTE_LARGE: u64 = 1 << 7;
/** PAT in the entry of a large page; the bits above it, below the address of the page, are reserved. */
const PTE_LARGE_PAT: u64 = 1 << 12;
const PTE_NX: u64 = 1 << 63;
/** Bit 21 of the entry of a page of 4 MiB. */
const PDE_4M_RESERVED: u32 = 1 << 21;

const PF_PRESENT: u32 = 1;
const PF_WRITE: u32 = 2;
const PF_USER: u32 = 4;
const PF_RESERVED: u32 = 8;
const PF_FETCH: u32 = 16;

const EPT_READ: u64 = 1;
const EPT_WRITE: u64 = 2;
const EPT_EXECUTE: u64 = 4;
const EPT_RIGHTS = EPT_READ | EPT_WRITE | EPT_EXECUTE;
/** What must be 0 in an entry that points to another table, the bit for large pages included. */
const EPT_TABLE_RESERVED: u64 = 0xf8;
const EPT_QUALIFICATION_LINEAR_VALID: u32 = 1 << 7;
const EPT_QUALIFICATION_TRANSLATION: u32 = 1 << 8;
const EPT_PERMISSION_SHIFT: u32 = 3;

const PAGE: u64 = 1 << 12;
const ADDRESS: u64 = (1 << 52) - PAGE;
const RESERVED: u64 = (1 << 52) - (u64(1) << MAXPHYADDR);
/** What can be read where there is no memory. */
const NOTHING: u64 = u64.MAX_VALUE;

/**
 * Translates canonical linear address `va` for an access (ACCESS_*) with a privilege (PRIVILEGE_*). Returns the
 * host-physical address, and CPU_WALK_WRITABLE says whether stores are allowed as well; or WALK_WAITS; or WALK_FAULTS, with
 * CPU_WALK_FAULT and what belongs to it.
 */
export function translate(cpu: usize, va: u64, access: u32, privilege: u32): i64 {
  if ((load<u32>(cpu, CPU_CR0) & CR0_PG) == 0) return finish(cpu, va, va, access, true);
  if (load<u32>(cpu, CPU_EFER) & EFER_LMA) return walk(cpu, va, access, privilege, load<u64>(cpu, CPU_CR3) & ADDRESS, 3);
  return load<u32>(cpu, CPU_CR4) & CR4_PAE ? walkPae(cpu, va, access, privilege) : walk32Bit(cpu, va, access, privilege);
}

// @ts-ignore: decorator
@inline
function isWrite(access: u32): bool {
  return access != ACCESS_READ && access != ACCESS_FETCH;
}

/** Bytes that an entry of a table at this level maps. */
// @ts-ignore: decorator
@inline
function mappedSize(level: u32): u64 {
  return PAGE << (9 * level);
}

/** Address of the entry for `address` in a table of 512 entries with 8 bytes each. */
// @ts-ignore: decorator
@inline
function entryIn(table: u64, level: u32, address: u64): u64 {
  return table + (((address >> (12 + 9 * level)) & 511) << 3);
}

/** Tables of 512 entries, from `table` at `level` down to level 0. */
function walk(cpu: usize, va: u64, access: u32, privilege: u32, table: u64, level: u32): i64 {
  const write = isWrite(access);
  let rights = PTE_WRITABLE | PTE_USER;
  let isExecutable = true;
  while (true) {
    const gpaOfEntry = entryIn(table, level, va);
    const at = structure(cpu, gpaOfEntry, va);
    if (at < 0) return at;
    const entry = read<u64>(at);
    if ((entry & PTE_PRESENT) == 0) return pageFault(cpu, va, access, privilege, 0);
    const isLeaf = level == 0 || (level < 3 && (entry & PTE_LARGE) != 0);
    if (hasReserved(cpu, entry, level, isLeaf)) return pageFault(cpu, va, access, privilege, PF_PRESENT | PF_RESERVED);
    rights &= entry;
    if (entry & PTE_NX) isExecutable = false;
    if (isLeaf) {
      const isWritable = mayWrite(cpu, rights, privilege);
      if (!mayAccess(cpu, rights, access, privilege) || (write && !isWritable) || (access == ACCESS_FETCH && !isExecutable)) {
        return pageFault(cpu, va, access, privilege, PF_PRESENT);
      }
      const marked = setFlags(cpu, gpaOfEntry, va, at, entry, write ? PTE_ACCESSED | PTE_DIRTY : PTE_ACCESSED);
      if (marked < 0) return marked;
      const offset = mappedSize(level) - 1;
      const gpa = (entry & ADDRESS & ~offset) | (va & offset);
      return finish(cpu, va, gpa, access, isWritable && (write || (entry & PTE_DIRTY) != 0));
    }
    const marked = setFlags(cpu, gpaOfEntry, va, at, entry, PTE_ACCESSED);
    if (marked < 0) return marked;
    table = entry & ADDRESS;
    level--;
  }
}

function mayWrite(cpu: usize, rights: u64, privilege: u32): bool {
  return (rights & PTE_WRITABLE) != 0 || (privilege != PRIVILEGE_USER && (load<u32>(cpu, CPU_CR0) & CR0_WP) == 0);
}

/**
 * Do the U/S flags of all levels, of which `rights` are the conjunction, let this privilege have the page? SMEP keeps
 * supervisor code from fetching user pages, SMAP from accessing them, unless RFLAGS.AC is set for an explicit access (SDM
 * vol. 3, 5.6.1).
 */
function mayAccess(cpu: usize, rights: u64, access: u32, privilege: u32): bool {
  const isUserPage = (rights & PTE_USER) != 0;
  if (privilege == PRIVILEGE_USER) return isUserPage;
  if (!isUserPage) return true;
  const cr4 = load<u32>(cpu, CPU_CR4);
  if (access == ACCESS_FETCH) return (cr4 & CR4_SMEP) == 0;
  if ((cr4 & CR4_SMAP) == 0) return true;
  return privilege != PRIVILEGE_IMPLICIT && overridesSmap(cpu);
}

// @ts-ignore: decorator
@inline
function hasReserved(cpu: usize, entry: u64, level: u32, isLeaf: bool): bool {
  if (entry & RESERVED) return true;
  if ((entry & PTE_NX) != 0 && (load<u32>(cpu, CPU_EFER) & EFER_NXE) == 0) return true;
  if (level == 3) return (entry & PTE_LARGE) != 0;
  return isLeaf && level > 0 && (entry & (mappedSize(level) - 1) & ~(2 * PTE_LARGE_PAT - 1)) != 0;
}

// ---- Outside IA-32e mode

/** The four pointers at the top are registers: an access takes no paging-structure access for them. */
function walkPae(cpu: usize, va: u64, access: u32, privilege: u32): i64 {
  const pointer = load<u64>(cpu + ((u32(va) >> 30) << 3), CPU_PDPTES);
  if ((pointer & PTE_PRESENT) == 0) return pageFault(cpu, va, access, privilege, 0);
  return walk(cpu, va, access, privilege, pointer & ADDRESS, 1);
}

/** Two levels of 1024 entries with 4 bytes each; pages of 4 MiB with CR4.PSE. */
function walk32Bit(cpu: usize, va: u64, access: u32, privilege: u32): i64 {
  let gpaOfEntry = (load<u64>(cpu, CPU_CR3) & 0xffff_f000) + (u32(va) >> 22 << 2);
  let at = structure(cpu, gpaOfEntry, va);
  if (at < 0) return at;
  let entry = read<u32>(at);
  if ((entry & PTE_PRESENT) == 0) return pageFault(cpu, va, access, privilege, 0);
  const isLarge = (entry & PTE_LARGE) != 0 && (load<u32>(cpu, CPU_CR4) & CR4_PSE) != 0;
  if (isLarge && (entry & PDE_4M_RESERVED) != 0) return pageFault(cpu, va, access, privilege, PF_PRESENT | PF_RESERVED);
  let rights = u64(entry);
  if (!isLarge) {
    const marked = setFlags(cpu, gpaOfEntry, va, at, entry, PTE_ACCESSED);
    if (marked < 0) return marked;
    gpaOfEntry = u64(entry & 0xffff_f000) + (((va >> 12) & 1023) << 2);
    at = structure(cpu, gpaOfEntry, va);
    if (at < 0) return at;
    entry = read<u32>(at);
    if ((entry & PTE_PRESENT) == 0) return pageFault(cpu, va, access, privilege, 0);
    rights &= entry;
  }
  const write = isWrite(access);
  const isWritable = mayWrite(cpu, rights, privilege);
  if (!mayAccess(cpu, rights, access, privilege) || (write && !isWritable)) {
    return pageFault(cpu, va, access, privilege, PF_PRESENT);
  }
  const marked = setFlags(cpu, gpaOfEntry, va, at, entry, write ? PTE_ACCESSED | PTE_DIRTY : PTE_ACCESSED);
  if (marked < 0) return marked;
  return finish(cpu, va, address32(entry, va, isLarge), access, isWritable && (write || (entry & PTE_DIRTY) != 0));
}

/** Bits 39:32 of the address of a page of 4 MiB stand in bits 20:13 of its entry. */
function address32(entry: u32, va: u64, isLarge: bool): u64 {
  if (!isLarge) return u64(entry & 0xffff_f000) | (va & 0xfff);
  return (u64((entry >> 13) & 0xff) << 32) | (entry & 0xffc0_0000) | (va & 0x3f_ffff);
}

// ---- Entries

/** Host-physical address of an entry at guest-physical `gpa`, whose line this CPU holds; or what `guestPhysical` returns. */
function structure(cpu: usize, gpa: u64, va: u64): i64 {
  const at = guestPhysical(cpu, gpa, va, false, ACCESS_READ);
  return at < 0 || holds(cpu, at) ? at : WALK_WAITS;
}

// @ts-ignore: decorator
@inline
function isMemory(at: u64): bool {
  return at < load<u32>(ORDER_RAM_BYTES);
}

// @ts-ignore: decorator
@inline
function holds(cpu: usize, at: u64): bool {
  return !isMemory(at) || hold(cpu, u32(at), false);
}

// @ts-ignore: decorator
@inline
function read<T>(at: u64): T {
  return isMemory(at) ? load<T>(load<u32>(ORDER_RAM) + u32(at)) : <T>NOTHING;
}

/**
 * Sets flags in the lower half of the entry at guest-physical `gpa`, host-physical `at`, that it does not have. EPT has to
 * allow it, as a read and write. WALK_DONE, WALK_WAITS or WALK_FAULTS.
 */
function setFlags(cpu: usize, gpa: u64, va: u64, at: u64, entry: u64, flags: u64): i64 {
  if ((entry & flags) == flags) return WALK_DONE;
  const allowed = guestPhysical(cpu, gpa, va, false, ACCESS_FLAGS);
  if (allowed < 0) return allowed;
  if (!hold(cpu, u32(at), true)) return WALK_WAITS;
  const word = load<u32>(ORDER_RAM) + u32(at);
  store<u32>(word, load<u32>(word) | u32(flags));
  // The guest's tables may be EPT tables at the same time.
  store<u32>(cpu, 0, CPU_MAPPINGS_KNOWN);
  return WALK_DONE;
}

// ---- The end of a walk

function finish(cpu: usize, va: u64, gpa: u64, access: u32, isWritable: bool): i64 {
  const pa = guestPhysical(cpu, gpa, va, true, access);
  store<u32>(cpu, load<u32>(cpu, CPU_WALK_WRITABLE) & u32(isWritable), CPU_WALK_WRITABLE);
  return pa;
}

function pageFault(cpu: usize, va: u64, access: u32, privilege: u32, flags: u32): i64 {
  let error = flags;
  if (privilege == PRIVILEGE_USER) error |= PF_USER;
  if (access == ACCESS_FETCH) {
    if (tellsFetches(cpu)) error |= PF_FETCH;
  } else if (access != ACCESS_READ) error |= PF_WRITE;
  return fail(cpu, WALK_PAGE_FAULT, error, va);
}

/** The error code has an I/D flag where fetches have rules of their own: no-execute pages or SMEP. */
function tellsFetches(cpu: usize): bool {
  const cr4 = load<u32>(cpu, CPU_CR4);
  return (cr4 & CR4_SMEP) != 0 || ((cr4 & CR4_PAE) != 0 && (load<u32>(cpu, CPU_EFER) & EFER_NXE) != 0);
}

function fail(cpu: usize, reason: u32, error: u32, va: u64): i64 {
  store<u32>(cpu, reason, CPU_WALK_FAULT);
  store<u32>(cpu, error, CPU_WALK_ERROR);
  store<u64>(cpu, va, CPU_WALK_LINEAR);
  return WALK_FAULTS;
}

// ---- EPT

/**
 * Guest-physical to host-physical. `translated` is false for accesses to the guest's paging structures. Returns the
 * address, with CPU_WALK_WRITABLE for EPT alone, or WALK_WAITS, or WALK_FAULTS with an EPT event.
 */
export function guestPhysical(cpu: usize, gpa: u64, va: u64, translated: bool, access: u32): i64 {
  const root = load<i64>(cpu, CPU_EPT_ROOT);
  store<u32>(cpu, 1, CPU_WALK_WRITABLE);
  if (root < 0) return gpa;
  const needed = access == ACCESS_FETCH ? EPT_EXECUTE : access == ACCESS_READ ? EPT_READ : EPT_READ | EPT_WRITE;
  const known = mapping(cpu, gpa);
  if ((known & needed) == needed) {
    store<u32>(cpu, u32((known & EPT_WRITE) != 0), CPU_WALK_WRITABLE);
    return (known & ADDRESS) | (gpa & (PAGE - 1));
  }
  let table = u64(root);
  let rights = EPT_RIGHTS;
  let level: u32 = 3;
  while (true) {
    const at = entryIn(table, level, gpa);
    if (!holds(cpu, at)) return WALK_WAITS;
    const entry = read<u64>(at);
    const isPresent = (entry & EPT_RIGHTS) != 0;
    const isLeaf = level == 0 || (level < 3 && (entry & PTE_LARGE) != 0);
    rights &= entry;
    if (isPresent && isMisconfigured(entry, level, isLeaf)) return eptEvent(cpu, WALK_EPT_MISCONFIGURATION, 0, gpa, va);
    if (!isPresent || (isLeaf && (rights & needed) != needed)) {
      const permissions = isPresent ? u32(rights) << EPT_PERMISSION_SHIFT : 0;
      const linear = EPT_QUALIFICATION_LINEAR_VALID | (translated ? EPT_QUALIFICATION_TRANSLATION : 0);
      const operation: u32 = access == ACCESS_FETCH ? 4 : access == ACCESS_READ ? 1 : access == ACCESS_FLAGS ? 3 : 2;
      return eptEvent(cpu, WALK_EPT_VIOLATION, operation | permissions | linear, gpa, va);
    }
    table = entry & ADDRESS;
    if (isLeaf) {
      store<u32>(cpu, u32((rights & EPT_WRITE) != 0), CPU_WALK_WRITABLE);
      const pa = table + (gpa & (mappedSize(level) - 1));
      remember(cpu, gpa, (pa & ADDRESS) | rights);
      return pa;
    }
    level--;
  }
}

// Guest-physical mappings. Nothing that one was made of can change while this CPU is in the guest and keeps its lines: to
// walk the tables again would have no effect, and come to the same.

// @ts-ignore: decorator
@inline
function placeOf(cpu: usize, gpa: u64): usize {
  const page = u32(gpa >> 12);
  return cpu + CPU_MAPPINGS + ((page ^ (page >> 5)) & (MAPPINGS - 1)) * MAPPING_SIZE;
}

/** Host page and EPT rights of the page of `gpa`, or 0. */
// @ts-ignore: decorator
@inline
function mapping(cpu: usize, gpa: u64): u64 {
  const place = placeOf(cpu, gpa);
  return load<u32>(cpu, CPU_MAPPINGS_KNOWN) != 0 && load<u64>(place) == ((gpa & ADDRESS) | 1) ? load<u64>(place, 8) : 0;
}

function remember(cpu: usize, gpa: u64, mapped: u64): void {
  if (load<u32>(cpu, CPU_MAPPINGS_KNOWN) == 0) {
    memory.fill(cpu + CPU_MAPPINGS, 0, MAPPINGS * MAPPING_SIZE);
    store<u32>(cpu, 1, CPU_MAPPINGS_KNOWN);
  }
  const place = placeOf(cpu, gpa);
  store<u64>(place, (gpa & ADDRESS) | 1);
  store<u64>(place, mapped, 8);
}

/** SDM 29.3.3.1: write-only or (without execute-only support) execute-only, reserved bits, bad memory type. */
// @ts-ignore: decorator
@inline
function isMisconfigured(entry: u64, level: u32, isLeaf: bool): bool {
  if ((entry & EPT_READ) == 0 || (entry & RESERVED) != 0) return true;
  if (!isLeaf) return (entry & EPT_TABLE_RESERVED) != 0;
  const type = u32(entry >> 3) & 7;
  if (type == 2 || type == 3 || type == 7) return true;
  return level > 0 && (entry & (mappedSize(level) - 1) & ADDRESS) != 0;
}

function eptEvent(cpu: usize, reason: u32, qualification: u32, gpa: u64, va: u64): i64 {
  store<u64>(cpu, gpa, CPU_WALK_PHYSICAL);
  return fail(cpu, reason, qualification, va);
}

// ---- For the host, to which addresses are numbers

export function translateNumber(cpu: usize, va: f64, access: u32, privilege: u32): f64 {
  return f64(translate(cpu, u64(i64(va)), access, privilege));
}

export function guestPhysicalNumber(cpu: usize, gpa: f64, va: f64, translated: bool, access: u32): f64 {
  return f64(guestPhysical(cpu, u64(i64(gpa)), u64(i64(va)), translated, access));
}
