// The software TLB: what instructions and microcode may access without another page walk. It belongs to the emulator, not
// to the processor: its hits and misses cost no cycles. How it is looked into stands in memory.ts.
import {
  ACCESS_READ,
  CPU_GUEST_APIC_PAGE,
  CPU_ITLB_SUPERVISOR,
  CPU_ITLB_USED,
  CPU_ONCE,
  CPU_STOP_ACCESS,
  CPU_STOP_SIZE,
  CPU_STOP_VA,
  CPU_TLB_NEXT_VICTIM,
  CPU_TLB_SUPERVISOR,
  CPU_TLB_USED,
  CPU_TLB_VICTIMS,
  CPU_WALK_WRITABLE,
  ITLB_ENTRIES,
  ITLB_ENTRY_SIZE,
  ORDER_RAM,
  ORDER_RAM_BYTES,
  SPECIAL_LOAD,
  SPECIAL_STORE,
  TLB_ADDEND,
  TLB_BANKS,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_INFO,
  TLB_OTHER,
  TLB_READ,
  TLB_SPECIAL,
  TLB_TRACKED,
  TLB_TRACKED_READ_ONLY,
  TLB_VICTIMS,
  TLB_WRITE,
  WALK_DONE,
  WALK_WAITS,
} from '../hardware/cpu/layout';
import { forgetLines, forgetPage } from './line-tlb';
import { hasCode, prepareStore, touch, trackedIndex } from './lines';
import { findEntry, maps, placeFor, victimsOf } from './memory';
import { explicitPrivilege } from './tlb-bank';
import { translate } from './walk';

const PAGE_MASK: u64 = 0xfff;
/** Places of all banks. */
const PLACES: u32 = TLB_BANKS * TLB_ENTRIES;
const INSTRUCTION_PLACES: u32 = 2 * ITLB_ENTRIES;

// ---- Filling

/** Fills the TLB for the access that the interpreter has stopped for. Returns WALK_*. */
export function fillForAccess(cpu: usize): i32 {
  const va = load<u64>(cpu, CPU_STOP_VA);
  const access = load<u32>(cpu, CPU_STOP_ACCESS);
  const last = va + load<u32>(cpu, CPU_STOP_SIZE) - 1;
  const first = fillTlb(cpu, va, access);
  return first != WALK_DONE || (va ^ last) >> 12 == 0 ? first : fillTlb(cpu, last, access);
}

/** Translates the page of `va` and enters it into the TLB of the current privilege level. Returns WALK_*. */
export function fillTlb(cpu: usize, va: u64, access: u32): i32 {
  const pa = translate(cpu, va, access, explicitPrivilege(cpu));
  if (pa < 0) return i32(pa);
  const page = u64(pa) & ~PAGE_MASK;
  const isWritable = load<u32>(cpu, CPU_WALK_WRITABLE) != 0;
  return isSpecial(cpu, page)
    ? enterSpecial(cpu, va, page, isWritable)
    : enterMemory(cpu, va, u32(page), isWritable, access != ACCESS_READ);
}

/** Accesses to this page need the host: a device, or the APIC-access page. */
export function isSpecial(cpu: usize, page: u64): bool {
  return page >= load<u32>(ORDER_RAM_BYTES) || page == load<u64>(cpu, CPU_GUEST_APIC_PAGE);
}

function enterSpecial(cpu: usize, va: u64, page: u64, isWritable: bool): i32 {
  const known: u32 = page >> 32 != 0 ? 0 : isWritable ? SPECIAL_LOAD | SPECIAL_STORE : SPECIAL_LOAD;
  enter(cpu, va, 0, 0, TLB_SPECIAL, u32(page), known);
  return WALK_DONE;
}

function enterMemory(cpu: usize, va: u64, page: u32, isWritable: bool, write: bool): i32 {
  if (!touch(cpu, page)) return WALK_WAITS;
  if (write) prepareStore(cpu, page);
  const index = trackedIndex(page);
  if (index >= 0) enter(cpu, va, 0, 0, isWritable ? TLB_TRACKED : TLB_TRACKED_READ_ONLY, page, index);
  else enter(cpu, va, 1, u64(isWritable && !hasCode(page)), 0, page, 0);
  return WALK_DONE;
}

/** Writes the entry of `va` for host-physical page `page`. What is 0 of `read`, `write` and `kind` gets no tag. */
function enter(cpu: usize, va: u64, read: u64, write: u64, kind: u64, page: u32, info: u32): void {
  const entry = placeFor(cpu, va);
  const tag = va & ~PAGE_MASK;
  displace(cpu, va, entry);
  forgetPage(cpu, va);
  markUsed(cpu + CPU_TLB_USED, u32(entry - cpu - CPU_TLB_SUPERVISOR) / TLB_ENTRY_SIZE);
  store<u64>(entry, read != 0 ? tag | read : 0, TLB_READ);
  store<u64>(entry, write != 0 ? tag | write : 0, TLB_WRITE);
  store<u64>(entry, kind != 0 ? tag | kind : 0, TLB_OTHER);
  store<u32>(entry, load<u32>(ORDER_RAM) + page, TLB_ADDEND);
  store<u32>(entry, info, TLB_INFO);
}

/**
 * Makes room for the page of `va`: what stands in its place moves to the displaced entries, so that an instruction
 * whose pages share a place finds all of them.
 */
function displace(cpu: usize, va: u64, place: usize): void {
  const page = va & ~PAGE_MASK;
  const entry = findEntry(cpu, va, page);
  if (entry != place) memory.fill(entry, 0, TLB_ENTRY_SIZE);
  else if (maps(place, page)) return;
  if (load<u64>(place, TLB_READ) == 0 && load<u64>(place, TLB_OTHER) == 0) return;
  const next = load<u32>(cpu, CPU_TLB_NEXT_VICTIM);
  store<u32>(cpu, next + 1, CPU_TLB_NEXT_VICTIM);
  const victim = victimsOf(cpu) + (next % TLB_VICTIMS) * TLB_ENTRY_SIZE;
  forgetPage(cpu, pageOf(victim));
  memory.copy(victim, place, TLB_ENTRY_SIZE);
}

/** Linear address on the page of an entry. */
function pageOf(entry: usize): u64 {
  return load<u64>(entry, TLB_READ) | load<u64>(entry, TLB_OTHER);
}

// ---- Flushing. Only what has been filled since the last time has to be cleared

// @ts-ignore: decorator
@inline
export function markUsed(bits: usize, place: u32): void {
  const word = bits + (place >> 6 << 3);
  store<u64>(word, load<u64>(word) | (u64(1) << (place & 63)));
}

/** Forgets every translation of this CPU, and what it has decoded for one execution. */
export function flushTlbs(cpu: usize): void {
  flushInstructionTlbs(cpu);
  forgetLines(cpu);
  clearUsed(cpu + CPU_TLB_USED, cpu + CPU_TLB_SUPERVISOR, PLACES, TLB_ENTRY_SIZE);
  if (load<u32>(cpu, CPU_TLB_NEXT_VICTIM) != 0) {
    memory.fill(cpu + CPU_TLB_VICTIMS, 0, CPU_TLB_NEXT_VICTIM - CPU_TLB_VICTIMS);
    store<u32>(cpu, 0, CPU_TLB_NEXT_VICTIM);
  }
  store<u32>(cpu, 0, CPU_ONCE);
}

export function flushInstructionTlbs(cpu: usize): void {
  clearUsed(cpu + CPU_ITLB_USED, cpu + CPU_ITLB_SUPERVISOR, INSTRUCTION_PLACES, ITLB_ENTRY_SIZE);
}

export function clearUsed(bits: usize, first: usize, entries: u32, size: u32): void {
  const end = bits + (entries >> 3);
  for (let word = bits; word < end; word += 8, first += usize(size) << 6) {
    let left = load<u64>(word);
    if (left == 0) continue;
    store<u64>(word, 0);
    for (; left != 0; left &= left - 1) clear(first + usize(ctz(left)) * size, size);
  }
}

// @ts-ignore: decorator
@inline
function clear(entry: usize, size: u32): void {
  const end = entry + size;
  for (; entry < end; entry += 8) store<u64>(entry, 0);
}

// ---- Pages that change hands

/**
 * Entries of private page `page` (host-physical address), which has become tracked page `index`, turn into entries of a
 * tracked page. The CPU keeps its translation and holds all the lines, so that it cannot tell at which instant another
 * CPU's first touch came.
 */
export function trackEntries(cpu: usize, page: u32, index: u32): void {
  for (let entry = entryOf(cpu, page, 0); entry != 0; entry = entryOf(cpu, page, entry)) {
    const tag = load<u64>(entry, TLB_READ);
    if (tag == 0) continue;
    const kind: u64 = load<u64>(entry, TLB_WRITE) == 0 ? TLB_TRACKED_READ_ONLY : TLB_TRACKED;
    store<u64>(entry, 0, TLB_READ);
    store<u64>(entry, 0, TLB_WRITE);
    store<u64>(entry, (tag & ~PAGE_MASK) | kind, TLB_OTHER);
    store<u32>(entry, index, TLB_INFO);
  }
}

/** From now on stores to the page stop while it is private: it holds decoded code. Translations stay, as in `trackEntries`. */
export function forbidStores(cpu: usize, page: u32): void {
  for (let entry = entryOf(cpu, page, 0); entry != 0; entry = entryOf(cpu, page, entry)) {
    store<u64>(entry, 0, TLB_WRITE);
    forgetPage(cpu, pageOf(entry));
  }
}

/** The entry behind `last` that translates to host-physical page `page`, in all banks; 0 stands for none. */
function entryOf(cpu: usize, page: u32, last: usize): usize {
  const addend = load<u32>(ORDER_RAM) + page;
  let entry = last == 0 ? cpu + CPU_TLB_SUPERVISOR : last + TLB_ENTRY_SIZE;
  while (entry < cpu + CPU_TLB_NEXT_VICTIM) {
    const unused = unusedFrom(cpu, entry);
    if (unused == 0 && load<u32>(entry, TLB_ADDEND) == addend) return entry;
    entry += max(unused, 1) * TLB_ENTRY_SIZE;
  }
  return 0;
}

/** How many places from `entry` on are unused, as far as one word of the bits tells; 0 for displaced entries. */
function unusedFrom(cpu: usize, entry: usize): u32 {
  const place = u32(entry - cpu - CPU_TLB_SUPERVISOR) / TLB_ENTRY_SIZE;
  if (place >= PLACES) return 0;
  const used = load<u64>(cpu + CPU_TLB_USED + (place >> 6 << 3)) >> (place & 63);
  return used != 0 ? u32(ctz(used)) : 64 - (place & 63);
}

// ---- For the host, to which addresses are numbers

export function fillTlbNumber(cpu: usize, va: f64, access: u32): i32 {
  return fillTlb(cpu, u64(i64(va)), access);
}

export function findEntryNumber(cpu: usize, va: f64): usize {
  const address = u64(i64(va));
  return findEntry(cpu, address, address & ~u64(0xfff));
}

export function isSpecialNumber(cpu: usize, page: f64): bool {
  return isSpecial(cpu, u64(i64(page)));
}
