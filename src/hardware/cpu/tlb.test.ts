import { describe, expect, it } from 'vitest';
import type { Cpu } from './cpu.js';
import * as L from './layout.js';
import { enterTlb, tlbEntry } from './tlb.js';
import { PhysicalMemory } from '../memory/physical-memory.js';

const PAGE = 4096;

/** As much of a CPU as its TLB needs. */
function cpu(): Cpu {
  const memory = new PhysicalMemory({ cpus: 1, ramBytes: PAGE, trackedPages: 1, records: 1, codePages: 1 });
  const block = memory.cpuBlock(0);
  const word = (offset: number): number => memory.u32[(block + offset) >>> 2];
  const setWord = (offset: number, value: number): void => {
    memory.u32[(block + offset) >>> 2] = value;
  };
  setWord(L.CPU_TLB, block + L.CPU_TLB_SUPERVISOR);
  return { memory, block, word, setWord } as unknown as Cpu;
}

describe('software TLB', () => {
  it('keeps as many pages of one place as an instruction can touch', () => {
    const machine = cpu();
    const pages = [0, 1, 2, 3, 4].map((way) => 0x203_000 + way * L.TLB_ENTRIES * PAGE);
    pages.forEach((va, way) => enterTlb(machine, va, 1, 1, 0, way * PAGE));
    const found = pages.map((va) => machine.memory.u32[tlbEntry(machine, va) + 6] - machine.memory.ram);
    expect(found).toEqual([0, PAGE, 2 * PAGE, 3 * PAGE, 4 * PAGE]);
  });

  it('does not find a displaced page again after it was entered anew with fewer rights', () => {
    const machine = cpu();
    enterTlb(machine, 0x203_000, 1, 1, 0, 0);
    enterTlb(machine, 0x403_000, 1, 1, 0, PAGE);
    enterTlb(machine, 0x203_000, 0, 0, L.TLB_SPECIAL, 0);
    enterTlb(machine, 0x403_000, 1, 1, 0, PAGE);
    expect(machine.memory.u32[tlbEntry(machine, 0x203_000) + 4] & (PAGE - 1)).toBe(L.TLB_SPECIAL);
  });
});
