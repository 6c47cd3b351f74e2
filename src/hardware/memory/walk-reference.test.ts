/** The interpreter's walk against the one of test/support/reference-walk.ts, on random page tables. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuFixture } from '../../../test/support/cpu-fixture.js';
import { referenceWalk, type Access, type Paging, type Translation } from '../../../test/support/reference-walk.js';
import { CR4_SMAP, CR4_SMEP } from '../cpu/control-register-bits.js';
import * as L from '../cpu/layout.js';
import { FAULT, PASS } from '../cpu/outcome.js';
import { RFLAGS_AC, RFLAGS_FIXED } from '../cpu/rflags.js';
import { fillTlb, lookUpTlb, tlbEntry } from '../cpu/tlb.js';
import { translate } from './walk.js';

const PAGE = 4096;
/** Guest tables, then EPT tables, then pages that are mapped. */
const GUEST_TABLES = 8;
const TABLES = 16;
const PAGES = 24;
const ALL_ONES = 2n ** 64n - 1n;

const { cpu, memory } = cpuFixture();

/** What the entries of one run look like: each is rare enough that many walks come to their end. */
interface Shape {
  readonly seed: number;
  /** One in so many entries lacks a right, has a reserved bit ... */
  readonly rarity: number;
  readonly ept: boolean;
}

const shape = fc.record({ seed: fc.integer(), rarity: fc.constantFrom(3, 12, 60), ept: fc.boolean() });
const modes = fc.record({
  pg: fc.constantFrom(true, true, true, false),
  wp: fc.boolean(),
  nxe: fc.boolean(),
  pse: fc.boolean(),
  smep: fc.boolean(),
  smap: fc.boolean(),
  ac: fc.boolean(),
  mode: fc.constantFrom('4-level', '4-level', 'PAE', '32-bit'),
});
const accesses = fc.array(
  fc.record({
    low: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    high: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
    access: fc.constantFrom(L.ACCESS_READ, L.ACCESS_WRITE, L.ACCESS_RMW, L.ACCESS_FETCH),
    privilege: fc.constantFrom(L.PRIVILEGE_SUPERVISOR, L.PRIVILEGE_USER, L.PRIVILEGE_IMPLICIT),
  }),
  { minLength: 20, maxLength: 40 },
);
type Addressed = typeof accesses extends fc.Arbitrary<(infer A)[]> ? A : never;
type Modes = typeof modes extends fc.Arbitrary<infer M> ? M : never;

/** A linear congruential generator: bits 16 and up of its state are used. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 16) % below;
  };
}

function fillTables({ seed, rarity }: Shape): void {
  const random = generator(seed);
  const rare = (): boolean => random(rarity) === 0;
  for (let page = 0; page < TABLES; page++) {
    const isEpt = page >= GUEST_TABLES;
    for (let index = 0; index < 512; index++) {
      const at = page * PAGE + index * 8;
      const low = isEpt ? eptEntry(rare, random) : guestEntry(rare, random);
      memory.write32(at, low);
      memory.write32(at + 4, rare() ? 1 << random(32) : 0);
    }
  }
}

/** A table, or a page to map. */
function target(random: (below: number) => number, first: number, tables: number): number {
  return PAGE * (random(3) === 0 ? TABLES + random(PAGES - TABLES) : first + random(tables));
}

function guestEntry(rare: () => boolean, random: (below: number) => number): number {
  let low = target(random, 0, GUEST_TABLES) | 7;
  low |= (random(2) * 0x20) | (random(2) * 0x40);
  if (random(8) === 0) low = (low & 0xfff) | 0x80 | (random(2) << 12);
  if (rare()) low ^= 1 << random(32);
  return low >>> 0;
}

/** EPT maps guest tables as well: where they are, or somewhere else. */
function eptEntry(rare: () => boolean, random: (below: number) => number): number {
  const leaf = random(2) === 0;
  let low = leaf ? target(random, 0, GUEST_TABLES) | 0x37 : target(random, GUEST_TABLES, TABLES - GUEST_TABLES) | 7;
  if (random(8) === 0) low = 0xb7;
  if (rare()) low ^= 1 << random(32);
  return low >>> 0;
}

/** Puts the CPU into a mode; returns what the reference goes by. */
function enter(
  { pg, wp, nxe, pse, smep, smap, ac, mode }: Modes,
  { ept, seed }: Shape,
): Paging & ReturnType<typeof copyOfMemory> {
  const isLong = mode === '4-level';
  const pae = mode !== '32-bit';
  const random = generator(seed);
  cpu.cr0 = ((pg ? 0x8000_0001 : 1) | (wp ? 0x1_0000 : 0)) >>> 0;
  cpu.cr3 = PAGE * random(GUEST_TABLES);
  cpu.cr4 = (pse ? 0x10 : 0) | (pae ? 0x20 : 0) | (smep ? CR4_SMEP : 0) | (smap ? CR4_SMAP : 0);
  cpu.rflags = RFLAGS_FIXED | (ac ? RFLAGS_AC : 0);
  cpu.eferLow = (isLong ? 0x500 : 0) | (nxe ? 0x800 : 0);
  for (let index = 0; index < 4; index++) cpu.pdptes.set(index, (PAGE * random(GUEST_TABLES)) | random(8) && 1, 0);
  const eptRoot = ept ? PAGE * (GUEST_TABLES + random(TABLES - GUEST_TABLES)) : -1;
  cpu.eptRoot = eptRoot;
  return {
    cr0: { pg, wp },
    cr4: { pse, pae, smep, smap },
    ac,
    efer: { lma: isLong, nxe },
    cr3: BigInt(cpu.cr3),
    pdptes: [0, 1, 2, 3].map((index) => BigInt(cpu.pdptes.low(index))),
    eptRoot: BigInt(eptRoot),
    ...copyOfMemory(),
  };
}

/** Memory as it is now; what is set there stays in the copy. */
function copyOfMemory(): Pick<Paging, 'read' | 'set'> & { readonly written: Map<bigint, bigint> } {
  const written = new Map<bigint, bigint>();
  const isRam = (pa: bigint): boolean => memory.isRam(Number(pa));
  const read = (pa: bigint): bigint => written.get(pa) ?? (isRam(pa) ? memory.read64(Number(pa)) : ALL_ONES);
  const set = (pa: bigint, bits: bigint): void => {
    if (isRam(pa)) written.set(pa, read(pa) | bits);
  };
  return { written, read, set };
}

/** Canonical, and with 32 bits where there are no more. */
function addressOf({ low, high }: Addressed, { pg, mode }: Modes): number {
  return pg && mode === '4-level' ? high * 2 ** 32 + low : low;
}

describe('a walk of the interpreter', () => {
  const runs = fc.record({ shape, modes, accesses });

  it('comes to the address or to the fault of the SDM, and sets the same flags', () => {
    let completed = 0;
    fc.assert(
      fc.property(runs, (run) => {
        fillTables(run.shape);
        for (const each of run.accesses) {
          const access: Access = { ...each, va: addressOf(each, run.modes) };
          const paging = enter(run.modes, run.shape);
          const expected = referenceWalk(paging, access);
          const before = memory.bytes(0, PAGES * PAGE).slice();
          cpu.fault = null;
          const pa = translate(cpu, access.va, access.access, access.privilege);
          if ('kind' in expected) {
            expect([pa, cpu.fault]).toEqual([-FAULT, expected]);
          } else {
            completed++;
            expect([pa, cpu.word(L.CPU_WALK_WRITABLE) !== 0, cpu.fault]).toEqual([
              expected.pa,
              expected.writable,
              null,
            ]);
          }
          expectFlags(before, paging.written);
        }
      }),
      { numRuns: 40 },
    );
    expect(completed).toBeGreaterThan(20);
  });

  it('fills the TLB with what the translation allows', () => {
    fc.assert(
      fc.property(runs, (run) => {
        fillTables(run.shape);
        for (const each of run.accesses.filter(isExplicitData)) {
          const access: Access = { ...each, va: addressOf(each, run.modes) };
          const expected = referenceWalk(enter(run.modes, run.shape), access);
          cpu.cpl = access.privilege === L.PRIVILEGE_USER ? 3 : 0;
          cpu.flushTlbs();
          expect(fillTlb(cpu, access.va, access.access)).toBe('kind' in expected ? FAULT : PASS);
          expect(entered(access.va)).toEqual('kind' in expected ? NOTHING : entryFor(expected));
        }
      }),
      { numRuns: 40 },
    );
  });
});

/** What instructions ask for, and fills the TLB. */
function isExplicitData({ access, privilege }: Addressed): boolean {
  return access !== L.ACCESS_FETCH && privilege !== L.PRIVILEGE_IMPLICIT;
}

/** The tables are as before but for what has been written to the copy. */
function expectFlags(before: Uint8Array, written: ReadonlyMap<bigint, bigint>): void {
  const expected = new DataView(before.buffer);
  for (const [pa, value] of written) {
    if (pa < PAGES * PAGE) expected.setBigUint64(Number(pa), value, true);
    else expect(memory.read64(Number(pa))).toBe(value);
  }
  expect(Buffer.compare(before, memory.bytes(0, PAGES * PAGE))).toBe(0);
}

interface Entered {
  readonly load: number;
  readonly store: number;
  /** Rights of a special page that need no walk; -1 for another page. */
  readonly special: number;
}

const NOTHING: Entered = { load: -1, store: -1, special: -1 };

function entered(va: number): Entered {
  const at = tlbEntry(cpu, va);
  const isSpecial = (memory.u32[at + 4] & (PAGE - 1)) === L.TLB_SPECIAL;
  return {
    load: lookUpTlb(cpu, va, false),
    store: lookUpTlb(cpu, va, true),
    special: isSpecial ? memory.u32[at + 7] : -1,
  };
}

function entryFor({ pa, writable }: Translation): Entered {
  if (memory.isRam(pa)) return { load: pa, store: writable ? pa : -1, special: -1 };
  const rights = writable ? L.SPECIAL_LOAD | L.SPECIAL_STORE : L.SPECIAL_LOAD;
  return { ...NOTHING, special: pa < 2 ** 32 ? rights : 0 };
}
