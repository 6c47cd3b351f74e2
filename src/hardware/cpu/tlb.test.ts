import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuFixture } from '../../../test/support/cpu-fixture.js';
import { PageTables } from '../../../test/support/page-tables.js';
import type { Cpu } from './cpu.js';
import * as L from './layout.js';
import { PASS } from './outcome.js';
import { fillTlb, lookUpTlb, tlbEntry, translateSpecial } from './tlb.js';

const PAGE = 4096;
const ACCESSED = 0x27;
const DIRTY = 0x40;
const DEVICE = 0xfed0_0000;

const TABLES = 0x10_0000;

interface Mapped {
  readonly cpu: Cpu;
  readonly tables: PageTables;
  /** Maps the page of `va` to `page` and enters it. */
  readonly enter: (va: number, page: number, flags?: number) => void;
}

function mapped(): Mapped {
  const { cpu } = cpuFixture();
  const tables = new PageTables(cpu.memory, cpu.cr3, TABLES);
  return {
    cpu,
    tables,
    enter: (va, page, flags = ACCESSED | DIRTY) => {
      tables.map(va, page, flags);
      expect(fillTlb(cpu, va, L.ACCESS_READ)).toBe(PASS);
    },
  };
}

/** The tags of the entry for `va`, low and high words, and its tracked page. */
function entry(cpu: Cpu, va: number): Uint32Array {
  const at = tlbEntry(cpu, va);
  const words = cpu.memory.u32.slice(at, at + 8);
  return Uint32Array.of(...words.slice(0, 6), words[7]);
}

function kindOf(cpu: Cpu, va: number): number {
  return cpu.memory.u32[tlbEntry(cpu, va) + 4] & (PAGE - 1);
}

describe('software TLB', () => {
  it('keeps as many pages of one place as an instruction can touch', () => {
    const { cpu, enter } = mapped();
    const pages = [0, 1, 2, 3, 4].map((way) => ({ va: 0x203_000 + way * 2 ** 30, page: 0x40_000 + way * PAGE }));
    for (const { va, page } of pages) enter(va, page);
    expect(pages.map(({ va }) => lookUpTlb(cpu, va, true))).toEqual(pages.map(({ page }) => page));
  });

  it('has different places for neighbours: the interpreter recognizes an access across pages by the second tag', () => {
    const { cpu } = mapped();
    for (let page = 511; page < 2 ** 20; page += 512) {
      expect(tlbEntry(cpu, page * PAGE)).not.toBe(tlbEntry(cpu, (page + 1) * PAGE));
    }
  });

  it('does not find a displaced page again after it was entered anew with fewer rights', () => {
    const { cpu, enter } = mapped();
    enter(0x203_000, 0x40_000);
    enter(0x402_000, 0x41_000);
    enter(0x203_000, DEVICE);
    enter(0x402_000, 0x41_000);
    expect(kindOf(cpu, 0x203_000)).toBe(L.TLB_SPECIAL);
  });

  it('turns every entry of a page that becomes shared into one of a tracked page, in both banks', () => {
    const { cpu, enter } = mapped();
    const index = 5;
    enter(0x203_000, 0x40_000);
    enter(0x204_000, 0x40_000, ACCESSED);
    enter(0x205_000, 0x41_000);
    cpu.cpl = 3;
    enter(-PAGE, 0x40_000);
    cpu.engine.trackEntries(cpu.block, 0x40_000, index);
    expect([...entry(cpu, -PAGE)]).toEqual([0, 0, 0, 0, (-PAGE | L.TLB_TRACKED) >>> 0, 0xffff_ffff, index]);
    cpu.cpl = 0;
    expect([...entry(cpu, 0x203_000)]).toEqual([0, 0, 0, 0, 0x203_000 | L.TLB_TRACKED, 0, index]);
    expect([...entry(cpu, 0x204_000)]).toEqual([0, 0, 0, 0, 0x204_000 | L.TLB_TRACKED_READ_ONLY, 0, index]);
    expect([...entry(cpu, 0x205_000)]).toEqual([0x205_001, 0, 0x205_001, 0, 0, 0, 0]);
  });

  it('finds entries that others have displaced when their page becomes shared', () => {
    const { cpu, enter } = mapped();
    enter(0x203_000, 0x40_000);
    enter(0x402_000, 0x41_000);
    cpu.engine.trackEntries(cpu.block, 0x40_000, 5);
    expect(kindOf(cpu, 0x203_000)).toBe(L.TLB_TRACKED);
  });

  it('forbids stores to a private page with decoded code and keeps its translation', () => {
    const { cpu, enter } = mapped();
    enter(0x203_000, 0x40_000);
    cpu.engine.forbidStores(cpu.block, 0x40_000);
    expect([...entry(cpu, 0x203_000)]).toEqual([0x203_001, 0, 0, 0, 0, 0, 0]);
    expect(lookUpTlb(cpu, 0x203_008, true)).toBe(-1);
    expect(lookUpTlb(cpu, 0x203_008, false)).toBe(0x40_008);
  });

  it('has the address of a special page without a walk once the access has been allowed', () => {
    const { cpu, tables, enter } = mapped();
    enter(0x203_000, DEVICE);
    tables.map(0x203_000, 0x40_000, 0);
    expect(translateSpecial(cpu, 0x203_008, L.ACCESS_WRITE)).toBe(DEVICE + 8);
  });

  it('asks for another run when a special page proves to be memory by now', () => {
    const { cpu, tables, enter } = mapped();
    enter(0x203_000, DEVICE, ACCESSED);
    tables.map(0x203_000, 0x40_000, ACCESSED);
    expect(translateSpecial(cpu, 0x203_008, L.ACCESS_WRITE)).toBe(-PASS);
    expect(lookUpTlb(cpu, 0x203_008, true)).toBe(0x40_008);
  });

  it('is empty after a flush, in both banks and whatever was displaced', () => {
    const { cpu } = mapped();
    const { memory, engine, block } = cpu;
    const places = fc.record({ page: fc.integer({ min: 512, max: 0x3ff_ffff }), cpl: fc.constantFrom(0, 3) });
    const isEmpty = (): boolean =>
      memory.u8.subarray(block + L.CPU_ITLB_SUPERVISOR, block + L.CPU_ONCE + 4).every((byte) => byte === 0);
    fc.assert(
      fc.property(fc.array(places, { minLength: 1, maxLength: 40 }), (filled) => {
        memory.bytes(TABLES, PAGE).fill(0);
        cpu.cr3 = TABLES;
        const tables = new PageTables(memory, TABLES, TABLES + PAGE);
        for (const { page, cpl } of filled) {
          cpu.cpl = cpl;
          tables.map(page * PAGE, 0x40_000, ACCESSED | DIRTY);
          expect(fillTlb(cpu, page * PAGE, L.ACCESS_READ)).toBe(PASS);
          engine.enterInstructionTlb(block, page * PAGE, 0x1000);
        }
        expect(isEmpty()).toBe(false);
        cpu.flushTlbs();
        expect(isEmpty()).toBe(true);
      }),
    );
  });
});
