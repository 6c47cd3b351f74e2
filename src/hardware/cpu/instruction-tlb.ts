/**
 * The instruction TLB: which code map belongs to an instruction pointer. The interpreter looks into it at every branch, and
 * fills it (src/interpreter/instruction-tlb.ts).
 */
import { PAGE_MASK, type PhysicalMemory } from '../memory/physical-memory.js';
import type { Cpu } from './cpu.js';
import { CPU_ITLB, ITLB_ENTRIES, ITLB_ENTRY_SIZE, ITLB_MAP } from './layout.js';

const TWO_32 = 2 ** 32;

type FetchingCpu = Pick<Cpu, 'word'>;

/** The map that it has for `rip`, or 0. */
export function instructionTlbMap({ u32 }: PhysicalMemory, cpu: FetchingCpu, rip: number): number {
  const at = entryOf(cpu, rip);
  const isHit = u32[at] === tagOf(rip) && u32[at + 1] === Math.floor(rip / TWO_32) >>> 0;
  return isHit ? u32[at + (ITLB_MAP >>> 2)] : 0;
}

/** Index of its words. */
function entryOf(cpu: FetchingCpu, rip: number): number {
  return (cpu.word(CPU_ITLB) >>> 2) + ((rip >>> 12) & (ITLB_ENTRIES - 1)) * (ITLB_ENTRY_SIZE >>> 2);
}

/** Low half of the page, and that the entry is valid. */
function tagOf(rip: number): number {
  return ((rip & ~PAGE_MASK) | 1) >>> 0;
}
