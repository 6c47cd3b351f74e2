/**
 * The software TLB as the host looks into it. The interpreter fills it (src/interpreter/tlb.ts).
 */
import { PAGE_MASK } from '../memory/physical-memory.js';
import { outcomeOf, translate } from '../memory/walk.js';
import type { Cpu } from './cpu.js';
import * as L from './layout.js';
import { PASS, type Outcome } from './outcome.js';

const TWO_32 = 2 ** 32;

/** Translates the page of `va` and enters it into the TLB of the current privilege level. */
export function fillTlb(cpu: Cpu, va: number, access: number): Outcome {
  return outcomeOf(cpu, cpu.engine.fillTlb(cpu.block, va, access));
}

/** Accesses to this page need the host: a device, or the APIC-access page. */
export function isSpecial(cpu: Cpu, page: number): boolean {
  return cpu.engine.isSpecial(cpu.block, page) !== 0;
}

/** Physical address behind `va` on a special page, or minus an outcome: -PASS if there is another page by now. */
export function translateSpecial(cpu: Cpu, va: number, access: number): number {
  const { u32, ram } = cpu.memory;
  const at = tlbEntry(cpu, va);
  const needed = access === L.ACCESS_READ ? L.SPECIAL_LOAD : L.SPECIAL_STORE;
  if ((u32[at + 7] & needed) !== 0) return ((u32[at + 6] - ram) >>> 0) + (va & PAGE_MASK);
  const outcome = fillTlb(cpu, va, access);
  if (outcome !== PASS) return -outcome;
  const pa = translate(cpu, va, access, cpu.privilege);
  return pa < 0 || isSpecial(cpu, pa - (pa & PAGE_MASK)) ? pa : -PASS;
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
  u32[at] = u32[at + 1] = u32[at + 2] = u32[at + 3] = 0;
  u32[at + 6] = page;
  cpu.engine.forgetPage(cpu.block, va);
}

/** Index into `memory.u32` of the entry for `va`: in its place, or among the displaced ones. */
export function tlbEntry(cpu: Cpu, va: number): number {
  return cpu.engine.findTlbEntry(cpu.block, va) >>> 2;
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
