import { describe, expect, it } from 'vitest';
import type { Cpu } from './cpu.js';
import * as L from './layout.js';
import { enterTlb, forbidStores, lookUpTlb, tlbEntry, trackPage } from './tlb.js';
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

/** The tags of the entry for `va`, low and high words, and its tracked page. */
function entry(machine: Cpu, va: number): Uint32Array {
  const at = tlbEntry(machine, va);
  const words = machine.memory.u32.slice(at, at + 8);
  return Uint32Array.of(...words.slice(0, 6), words[7]);
}

describe('software TLB', () => {
  it('keeps as many pages of one place as an instruction can touch', () => {
    const machine = cpu();
    const pages = [0, 1, 2, 3, 4].map((way) => 0x203_000 + way * 2 ** 30);
    pages.forEach((va, way) => enterTlb(machine, va, 1, 1, 0, way * PAGE));
    const found = pages.map((va) => machine.memory.u32[tlbEntry(machine, va) + 6] - machine.memory.ram);
    expect(found).toEqual([0, PAGE, 2 * PAGE, 3 * PAGE, 4 * PAGE]);
  });

  it('has different places for neighbours: the interpreter recognizes an access across pages by the second tag', () => {
    const machine = cpu();
    for (let page = 511; page < 2 ** 20; page += 512) {
      expect(tlbEntry(machine, page * PAGE)).not.toBe(tlbEntry(machine, (page + 1) * PAGE));
    }
  });

  it('does not find a displaced page again after it was entered anew with fewer rights', () => {
    const machine = cpu();
    enterTlb(machine, 0x203_000, 1, 1, 0, 0);
    enterTlb(machine, 0x402_000, 1, 1, 0, PAGE);
    enterTlb(machine, 0x203_000, 0, 0, L.TLB_SPECIAL, 0);
    enterTlb(machine, 0x402_000, 1, 1, 0, PAGE);
    expect(machine.memory.u32[tlbEntry(machine, 0x203_000) + 4] & (PAGE - 1)).toBe(L.TLB_SPECIAL);
  });

  it('turns every entry of a page that becomes shared into one of a tracked page, in both banks', () => {
    const machine = cpu();
    const index = 5;
    enterTlb(machine, 0x203_000, 1, 1, 0, PAGE);
    enterTlb(machine, 0x204_000, 1, 0, 0, PAGE);
    enterTlb(machine, 0x205_000, 1, 1, 0, 2 * PAGE);
    machine.setWord(L.CPU_TLB, machine.block + L.CPU_TLB_USER);
    enterTlb(machine, -PAGE, 1, 1, 0, PAGE);
    trackPage(machine, PAGE, index);
    expect([...entry(machine, -PAGE)]).toEqual([0, 0, 0, 0, (-PAGE | L.TLB_TRACKED) >>> 0, 0xffff_ffff, index]);
    machine.setWord(L.CPU_TLB, machine.block + L.CPU_TLB_SUPERVISOR);
    expect([...entry(machine, 0x203_000)]).toEqual([0, 0, 0, 0, 0x203_000 | L.TLB_TRACKED, 0, index]);
    expect([...entry(machine, 0x204_000)]).toEqual([0, 0, 0, 0, 0x204_000 | L.TLB_TRACKED_READ_ONLY, 0, index]);
    expect([...entry(machine, 0x205_000)]).toEqual([0x205_001, 0, 0x205_001, 0, 0, 0, 0]);
  });

  it('forbids stores to a private page with decoded code and keeps its translation', () => {
    const machine = cpu();
    enterTlb(machine, 0x203_000, 1, 1, 0, PAGE);
    forbidStores(machine, PAGE);
    expect([...entry(machine, 0x203_000)]).toEqual([0x203_001, 0, 0, 0, 0, 0, 0]);
    expect(lookUpTlb(machine, 0x203_008, true)).toBe(-1);
    expect(lookUpTlb(machine, 0x203_008, false)).toBe(PAGE + 8);
  });
});
