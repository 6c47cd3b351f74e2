/**
 * The software TLB: what the interpreter and microcode may access without another page walk. It belongs to the
 * emulator, not to the processor: its hits and misses cost no cycles.
 */
import { translate, translation } from '../memory/walk.js';
import type { Cpu } from './cpu.js';
import * as L from './layout.js';
import { PASS, WAIT, type Outcome } from './outcome.js';

const PAGE_MASK = 4095;
const TWO_32 = 2 ** 32;
const ENTRY_WORDS = 8;

/** Translates the page of `va` and enters it into the TLB of the current privilege level. */
export function fillTlb(cpu: Cpu, va: number, access: number): Outcome {
  const pa = translate(cpu, va, access, cpu.cpl === 3);
  if (pa < 0) return -pa as Outcome;
  const page = pa - (pa & PAGE_MASK);
  if (isSpecial(cpu, page)) return enterTlb(cpu, va, 0, 0, L.TLB_SPECIAL, page, specialRights(page));
  if (!cpu.lines.touch(cpu, page)) return WAIT;
  const { writable } = translation;
  if (access !== L.ACCESS_READ) cpu.lines.prepareStore(cpu, page);
  const index = cpu.lines.trackedIndex(page);
  if (index >= 0) return enterTlb(cpu, va, 0, 0, writable ? L.TLB_TRACKED : L.TLB_TRACKED_READ_ONLY, page, index);
  return enterTlb(cpu, va, 1, writable && !cpu.decoder.hasCode(page) ? 1 : 0, 0, page);
}

/** Accesses to this page need the host: a device, or the APIC-access page. */
export function isSpecial(cpu: Cpu, page: number): boolean {
  return !cpu.memory.isRam(page) || (cpu.nonRoot !== null && cpu.nonRoot.apicAccessPage === page);
}

function specialRights(page: number): number {
  if (page >= TWO_32) return 0;
  return translation.writable ? L.SPECIAL_LOAD | L.SPECIAL_STORE : L.SPECIAL_LOAD;
}

/** Physical address behind `va` on a special page, or minus an outcome. */
export function translateSpecial(cpu: Cpu, va: number, access: number): number {
  const { u32, ram } = cpu.memory;
  const at = tlbEntry(cpu, va);
  const needed = access === L.ACCESS_READ ? L.SPECIAL_LOAD : L.SPECIAL_STORE;
  if ((u32[at + 7] & needed) !== 0) return ((u32[at + 6] - ram) >>> 0) + (va & PAGE_MASK);
  const pa = translate(cpu, va, access, cpu.cpl === 3);
  if (pa >= 0) enterTlb(cpu, va, 0, 0, L.TLB_SPECIAL, pa - (pa & PAGE_MASK), specialRights(pa));
  return pa;
}

/** Lets the special page of `va` be memory at `address` of the shared memory, until `restoreSpecial`. */
export function mapSpecial(cpu: Cpu, va: number, address: number): number {
  const { u32 } = cpu.memory;
  const at = tlbEntry(cpu, va);
  const page = u32[at + 6];
  u32[at] = u32[at + 2] = ((va & ~PAGE_MASK) | 1) >>> 0;
  u32[at + 1] = u32[at + 3] = u32[at + 5];
  u32[at + 4] = 0;
  u32[at + 6] = address;
  return page;
}

/** Ends `mapSpecial`, which has returned `page`. */
export function restoreSpecial(cpu: Cpu, va: number, page: number): void {
  const { u32 } = cpu.memory;
  const at = tlbEntry(cpu, va);
  u32[at + 4] = ((va & ~PAGE_MASK) | L.TLB_SPECIAL) >>> 0;
  u32[at + 5] = u32[at + 1];
  u32.fill(0, at, at + 4);
  u32[at + 6] = page;
}

/** Index into `memory.u32` of the place for the page of `va` in the bank in use; that of the next page is another. */
function placeOf(cpu: Cpu, va: number): number {
  return (cpu.word(L.CPU_TLB) >>> 2) + (((va >>> 12) + (va >>> 21)) & (L.TLB_ENTRIES - 1)) * ENTRY_WORDS;
}

/** Index of the first displaced entry of the bank in use. */
function victimsOf(cpu: Cpu): number {
  const isUser = cpu.word(L.CPU_TLB) === cpu.block + L.CPU_TLB_USER;
  return (cpu.block + L.CPU_TLB_VICTIMS + (isUser ? L.TLB_VICTIM_BANK : 0)) >>> 2;
}

/** Index into `memory.u32` of the entry for `va`: in its place, or among the displaced ones. */
export function tlbEntry(cpu: Cpu, va: number): number {
  const place = placeOf(cpu, va);
  if (maps(cpu, place, va)) return place;
  const first = victimsOf(cpu);
  for (let victim = 0; victim < L.TLB_VICTIMS; victim++) {
    if (maps(cpu, first + victim * ENTRY_WORDS, va)) return first + victim * ENTRY_WORDS;
  }
  return place;
}

function maps(cpu: Cpu, at: number, va: number): boolean {
  const { u32 } = cpu.memory;
  const low = (va & ~PAGE_MASK) >>> 0;
  const high = Math.floor(va / TWO_32) >>> 0;
  if (u32[at] === (low | 1) >>> 0 && u32[at + 1] === high) return true;
  const other = u32[at + 4];
  return (other & PAGE_MASK) !== 0 && (other & ~PAGE_MASK) >>> 0 === low && u32[at + 5] === high;
}

/**
 * Makes room for the page of `va`: what stands in its place moves to the displaced entries, so that an instruction
 * whose pages share a place finds all of them.
 */
function displace(cpu: Cpu, va: number, place: number): void {
  const { u32 } = cpu.memory;
  const entry = tlbEntry(cpu, va);
  if (entry !== place) u32.fill(0, entry, entry + ENTRY_WORDS);
  else if (maps(cpu, place, va)) return;
  if (u32[place] === 0 && u32[place + 4] === 0) return;
  const next = cpu.word(L.CPU_TLB_NEXT_VICTIM);
  cpu.setWord(L.CPU_TLB_NEXT_VICTIM, next + 1);
  u32.copyWithin(victimsOf(cpu) + (next % L.TLB_VICTIMS) * ENTRY_WORDS, place, place + ENTRY_WORDS);
}

/** Writes one entry; `page` is the host-physical address of the page. */
export function enterTlb(
  cpu: Cpu,
  va: number,
  read: number,
  write: number,
  kind: number,
  page: number,
  index = 0,
): Outcome {
  const { u32 } = cpu.memory;
  const at = placeOf(cpu, va);
  displace(cpu, va, at);
  const low = (va & ~PAGE_MASK) >>> 0;
  const high = Math.floor(va / TWO_32) >>> 0;
  u32[at] = read === 0 ? 0 : low | 1;
  u32[at + 1] = read === 0 ? 0 : high;
  u32[at + 2] = write === 0 ? 0 : low | 1;
  u32[at + 3] = write === 0 ? 0 : high;
  u32[at + 4] = kind === 0 ? 0 : low | kind;
  u32[at + 5] = kind === 0 ? 0 : high;
  u32[at + 6] = cpu.memory.ram + page;
  u32[at + 7] = index;
  return PASS;
}

/** Indices of the entries that translate to the host-physical page `page`, in both banks. */
function* entriesOf({ block, memory }: Pick<Cpu, 'block' | 'memory'>, page: number): Generator<number> {
  const end = (block + L.CPU_TLB_NEXT_VICTIM) >>> 2;
  for (let at = (block + L.CPU_TLB_SUPERVISOR) >>> 2; at < end; at += ENTRY_WORDS) {
    if (memory.u32[at + 6] === memory.ram + page) yield at;
  }
}

/**
 * Entries of a private page that has become tracked page `index` turn into entries of a tracked page. The CPU keeps its
 * translation and holds all the lines, so that it cannot tell at which instant another CPU's first touch came.
 */
export function trackPage(cpu: Cpu, page: number, index: number): void {
  const { u32 } = cpu.memory;
  for (const at of entriesOf(cpu, page)) {
    if (u32[at] === 0) continue;
    const kind = u32[at + 2] === 0 ? L.TLB_TRACKED_READ_ONLY : L.TLB_TRACKED;
    u32[at + 4] = (u32[at] & ~PAGE_MASK) | kind;
    u32[at + 5] = u32[at + 1];
    u32.fill(0, at, at + 4);
    u32[at + 7] = index;
  }
}

/** From now on stores to the page stop while it is private: it holds decoded code. Translations stay, as in `trackPage`. */
export function forbidStores(cpu: Pick<Cpu, 'block' | 'memory'>, page: number): void {
  const { u32 } = cpu.memory;
  for (const at of entriesOf(cpu, page)) {
    u32[at + 2] = 0;
    u32[at + 3] = 0;
  }
}

/**
 * Host-physical address of `va` if the bank in use already allows the access, else -1. `write` asks for permission to
 * store as well.
 */
export function lookUpTlb(cpu: Cpu, va: number, write: boolean): number {
  const { u32 } = cpu.memory;
  const at = tlbEntry(cpu, va);
  const low = (va & ~PAGE_MASK) >>> 0;
  const high = Math.floor(va / TWO_32) >>> 0;
  const tag = write ? at + 2 : at;
  const hit =
    (u32[tag] === (low | 1) >>> 0 && u32[tag + 1] === high) ||
    (u32[at + 4] === (low | L.TLB_TRACKED) >>> 0 && u32[at + 5] === high) ||
    (!write && u32[at + 4] === (low | L.TLB_TRACKED_READ_ONLY) >>> 0 && u32[at + 5] === high);
  return hit ? u32[at + 6] - cpu.memory.ram + (va & PAGE_MASK) : -1;
}
