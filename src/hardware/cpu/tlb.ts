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

/** Translates the page of `va` and enters it into the TLB of the current privilege level. */
export function fillTlb(cpu: Cpu, va: number, access: number): Outcome {
  const pa = translate(cpu, va, access, cpu.cpl === 3);
  if (pa < 0) return -pa as Outcome;
  const page = pa - (pa & PAGE_MASK);
  if (isSpecial(cpu, page)) return enterTlb(cpu, va, 0, 0, L.TLB_SPECIAL, 0);
  if (!cpu.lines.touch(cpu, page)) return WAIT;
  if (access !== L.ACCESS_READ && cpu.decoder.hasCode(page)) {
    if (cpu.clock.mustWait(cpu)) return WAIT;
    cpu.decoder.drop(page);
  }
  const writable = translation.writable && !cpu.decoder.hasCode(page);
  const index = cpu.lines.trackedIndex(page);
  if (index < 0) return enterTlb(cpu, va, 1, writable ? 1 : 0, 0, page);
  return enterTlb(cpu, va, 0, 0, writable ? L.TLB_TRACKED : L.TLB_TRACKED_READ_ONLY, page, index);
}

/** Accesses to this page need the host: a device, or the APIC-access page. */
export function isSpecial(cpu: Cpu, page: number): boolean {
  return !cpu.memory.isRam(page) || (cpu.nonRoot !== null && cpu.nonRoot.apicAccessPage === page);
}

/** Index into `memory.u32` of the entry for `va` in the bank in use. */
export function tlbEntry(cpu: Cpu, va: number): number {
  return (cpu.word(L.CPU_TLB) >>> 2) + ((va >>> 12) & (L.TLB_ENTRIES - 1)) * 8;
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
  const at = tlbEntry(cpu, va);
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
    (u32[tag] === ((low | 1) >>> 0) && u32[tag + 1] === high) ||
    (u32[at + 4] === ((low | L.TLB_TRACKED) >>> 0) && u32[at + 5] === high) ||
    (!write && u32[at + 4] === ((low | L.TLB_TRACKED_READ_ONLY) >>> 0) && u32[at + 5] === high);
  return hit ? (u32[at + 6] as number) - cpu.memory.ram + (va & PAGE_MASK) : -1;
}
