import { describe, expect, it } from 'vitest';
import type { Cpu } from '../cpu/cpu.js';
import type { Fault } from '../cpu/fault.js';
import * as L from '../cpu/layout.js';
import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, PRIVILEGE_SUPERVISOR, PRIVILEGE_USER } from '../cpu/layout.js';
import { FAULT, WAIT } from '../cpu/outcome.js';
import { isValidPdpte } from '../cpu/page-directory-pointers.js';
import { cpuFixture } from '../../../test/support/cpu-fixture.js';
import { translate } from './walk.js';

const P = 1;
const RW = 2;
const US = 4;
const A = 0x20;
const D = 0x40;
const PS = 0x80;
const NX = 1n << 63n;
const EFER_LMA = 0x400;
const EFER_NXE = 0x800;
const CR4_PSE = 0x10;
const CR4_PAE = 0x20;

const PML4 = 0x1000;
const PDPT = 0x2000;
const DIRECTORY = 0x3000;
const TABLE = 0x4000;
const EPT = 0x8000;

const { cpu, memory } = cpuFixture();

interface Walker {
  readonly cpu: Cpu;
  readonly fault: () => Fault | null;
  readonly entry: (pa: number) => bigint;
}

/** Linear page 0 maps physical 5000H through a 4-KiB entry; `leaf` are its flags. */
function walker(leaf: number | bigint, options: { wp?: boolean; eptRoot?: number } = {}): Walker {
  memory.bytes(0, memory.ramBytes).fill(0);
  memory.write64(PML4, BigInt(PDPT | P | RW | US | A));
  memory.write64(PDPT, BigInt(DIRECTORY | P | RW | US | A));
  memory.write64(DIRECTORY, BigInt(TABLE | P | RW | US | A));
  memory.write64(TABLE, 0x5000n | BigInt(leaf));
  cpu.cr0 = options.wp === false ? 0x8000_0001 : 0x8001_0001;
  cpu.cr3 = PML4;
  cpu.cr4 = CR4_PAE;
  cpu.eferLow = EFER_NXE | EFER_LMA;
  cpu.fault = null;
  cpu.eptRoot = options.eptRoot ?? -1;
  return { cpu, fault: () => cpu.fault, entry: (pa) => memory.read64(pa) };
}

function isWritable(): boolean {
  return cpu.word(L.CPU_WALK_WRITABLE) !== 0;
}

function pageFaultCode({ cpu, fault }: Walker, access: number, user: boolean, va = 0x123): number | null {
  expect(translate(cpu, va, access, user ? PRIVILEGE_USER : PRIVILEGE_SUPERVISOR)).toBe(-FAULT);
  const raised = fault();
  return raised?.kind === 'exception' ? raised.errorCode : null;
}

describe('4-level paging', () => {
  it('adds the offset in the page', () => {
    expect(translate(walker(P | A).cpu, 0x123, ACCESS_READ, PRIVILEGE_SUPERVISOR)).toBe(0x5123);
  });

  it('sets accessed on a read, accessed and dirty on a write', () => {
    const reader = walker(P | RW);
    translate(reader.cpu, 0, ACCESS_READ, PRIVILEGE_SUPERVISOR);
    expect(reader.entry(TABLE) & BigInt(A | D)).toBe(BigInt(A));
    const writer = walker(P | RW);
    translate(writer.cpu, 0, ACCESS_WRITE, PRIVILEGE_SUPERVISOR);
    expect(writer.entry(TABLE) & BigInt(A | D)).toBe(BigInt(A | D));
  });

  it('calls a page writable only once its dirty flag is set', () => {
    translate(walker(P | RW | A).cpu, 0, ACCESS_READ, PRIVILEGE_SUPERVISOR);
    expect(isWritable()).toBe(false);
    translate(walker(P | RW | A | D).cpu, 0, ACCESS_READ, PRIVILEGE_SUPERVISOR);
    expect(isWritable()).toBe(true);
  });

  it.each([
    ['not present, supervisor read', 0, ACCESS_READ, false, 0],
    ['not present, user write', 0, ACCESS_WRITE, true, 6],
    ['not present, fetch with NX enabled', 0, ACCESS_FETCH, false, 16],
    ['user access to a supervisor page', P | RW | A, ACCESS_READ, true, 5],
    ['write to a read-only page with CR0.WP', P | A, ACCESS_WRITE, false, 3],
    ['fetch from a no-execute page', BigInt(P | A) | NX, ACCESS_FETCH, false, 17],
    ['reserved physical-address bit', BigInt(P | A) | (1n << 50n), ACCESS_READ, false, 9],
  ])('faults on %s', (_, leaf, access, user, code) => {
    expect(pageFaultCode(walker(leaf), access, user)).toBe(code);
  });

  it('lets the supervisor write read-only pages without CR0.WP', () => {
    expect(translate(walker(P | A, { wp: false }).cpu, 0, ACCESS_WRITE, PRIVILEGE_SUPERVISOR)).toBe(0x5000);
  });

  it('maps 2 MiB by one directory entry', () => {
    const { cpu } = walker(0);
    memory.write64(DIRECTORY + 8, BigInt(0x40_0000 | P | PS | A));
    expect(translate(cpu, 0x21_2345, ACCESS_READ, PRIVILEGE_SUPERVISOR)).toBe(0x41_2345);
  });

  it('translates sign-extended addresses of the upper half', () => {
    const { cpu } = walker(P | A);
    memory.write64(PML4 + 256 * 8, BigInt(PDPT | P | A));
    expect(translate(cpu, -(2 ** 47) + 0x10, ACCESS_READ, PRIVILEGE_SUPERVISOR)).toBe(0x5010);
  });

  it('waits for the line of a paging-structure entry', () => {
    const { cpu, clock } = cpuFixture();
    clock.schedule(0, cpu.id, () => undefined);
    expect(translate(cpu, 0, ACCESS_READ, PRIVILEGE_SUPERVISOR)).toBe(-WAIT);
  });

  it('takes all ones for the entries of a table outside memory', () => {
    const { cpu, fault } = walker(P | A);
    memory.write64(DIRECTORY, BigInt(0x4000_0000 | P));
    expect(translate(cpu, 0x123, ACCESS_READ, PRIVILEGE_SUPERVISOR)).toBe(-FAULT);
    expect(fault()).toMatchObject({ errorCode: 9 });
  });
});

describe('EPT', () => {
  /** Identity map of the first 2 MiB with 4-KiB entries; page 5000H gets `leaf`. */
  function nested(leaf: number): Walker {
    const made = walker(P | RW | A | D, { eptRoot: EPT });
    memory.write64(EPT, BigInt((EPT + 0x1000) | 7));
    memory.write64(EPT + 0x1000, BigInt((EPT + 0x2000) | 7));
    memory.write64(EPT + 0x2000, BigInt((EPT + 0x3000) | 7));
    for (let page = 0; page < 8; page++) memory.write64(EPT + 0x3000 + page * 8, BigInt((page << 12) | 0x37));
    memory.write64(EPT + 0x3000 + 5 * 8, leaf === 0 ? 0n : BigInt(0x6000 | leaf));
    return made;
  }

  it('translates guest-physical to host-physical', () => {
    expect(translate(nested(0x37).cpu, 0x123, ACCESS_READ, PRIVILEGE_SUPERVISOR)).toBe(0x6123);
  });

  it('violates on a missing page: access, linear address valid, not a table access', () => {
    const { cpu, fault } = nested(0);
    expect(translate(cpu, 0x123, ACCESS_WRITE, PRIVILEGE_SUPERVISOR)).toBe(-FAULT);
    expect(fault()).toEqual({
      kind: 'ept',
      misconfiguration: false,
      guestPhysical: 0x5123,
      qualification: 0x182,
      linear: 0x123,
    });
  });

  it('reports the permissions of the translation', () => {
    const { cpu, fault } = nested(0x31);
    expect(translate(cpu, 0, ACCESS_WRITE, PRIVILEGE_SUPERVISOR)).toBe(-FAULT);
    expect(fault()).toMatchObject({ qualification: 0x182 | (1 << 3) });
  });

  it('is misconfigured by write without read', () => {
    const { cpu, fault } = nested(0x32);
    expect(translate(cpu, 0, ACCESS_READ, PRIVILEGE_SUPERVISOR)).toBe(-FAULT);
    expect(fault()).toMatchObject({ misconfiguration: true, guestPhysical: 0x5000 });
  });

  it.each([
    ['an accessed flag that is missing', P | RW, ACCESS_READ],
    ['a dirty flag that is missing', P | RW | A, ACCESS_WRITE],
  ])('%s is set by a read and write of the table, which EPT has to allow', (_name, leaf, access) => {
    const { cpu, fault, entry } = nested(0x37);
    memory.write64(TABLE, BigInt(0x5000 | leaf));
    memory.write64(EPT + 0x3000 + 4 * 8, BigInt(TABLE | 0x35));
    expect(translate(cpu, 0x123, access, PRIVILEGE_SUPERVISOR)).toBe(-FAULT);
    expect(fault()).toMatchObject({ guestPhysical: TABLE, qualification: 0xab, linear: 0x123 });
    expect(entry(TABLE)).toBe(BigInt(0x5000 | leaf));
  });

  it('a table that EPT lets be read only serves when no flag is missing', () => {
    const { cpu } = nested(0x37);
    memory.write64(TABLE, BigInt(0x5000 | P | RW | A | D));
    memory.write64(EPT + 0x3000 + 4 * 8, BigInt(TABLE | 0x35));
    expect(translate(cpu, 0x123, ACCESS_WRITE, PRIVILEGE_SUPERVISOR)).toBe(0x6123);
  });

  it('keeps guest-physical mappings until the next VM entry', () => {
    const { cpu } = nested(0x37);
    const translated = (): number => translate(cpu, 0x123, ACCESS_READ, PRIVILEGE_SUPERVISOR);
    expect(translated()).toBe(0x6123);
    memory.write64(EPT + 0x3000 + 5 * 8, BigInt(0x7000 | 0x37));
    expect(translated()).toBe(0x6123);
    cpu.eptRoot = EPT;
    expect(translated()).toBe(0x7123);
  });

  it('keeps a page read-only for the TLB when EPT does', () => {
    translate(nested(0x31).cpu, 0, ACCESS_READ, PRIVILEGE_SUPERVISOR);
    expect(isWritable()).toBe(false);
  });
});

describe('32-bit paging', () => {
  const UPPER = 0x00c0_1234;

  function walker32(directoryEntry: number, tableEntry: number, cr4 = CR4_PSE): Walker {
    const made = walker(0);
    memory.bytes(0, memory.ramBytes).fill(0);
    memory.write32(DIRECTORY + 4 * (UPPER >>> 22), directoryEntry);
    memory.write32(TABLE + 4 * ((UPPER >>> 12) & 1023), tableEntry);
    Object.assign(cpu, { cr3: DIRECTORY, cr4, eferLow: 0 });
    return { ...made, entry: (pa) => BigInt(memory.read32(pa)) };
  }

  it('has two levels of 1024 entries', () => {
    const { cpu, entry } = walker32(TABLE | P | RW, 0x5000 | P | RW);
    expect(translate(cpu, UPPER, ACCESS_WRITE, PRIVILEGE_SUPERVISOR)).toBe(0x5234);
    expect([entry(DIRECTORY + 12), entry(TABLE + 4)].map(Number)).toEqual([
      TABLE | P | RW | A,
      0x5000 | P | RW | A | D,
    ]);
  });

  it('maps 4 MiB with CR4.PSE, with address bits 39:32 in bits 20:13', () => {
    const large = (0x0080_0000 | (3 << 13) | P | PS) >>> 0;
    expect(translate(walker32(large, 0).cpu, UPPER, ACCESS_READ, PRIVILEGE_SUPERVISOR)).toBe(0x3_0080_1234);
    const { cpu, fault } = walker32(large | (1 << 21), 0);
    expect(translate(cpu, UPPER, ACCESS_READ, PRIVILEGE_SUPERVISOR)).toBe(-FAULT);
    expect(fault()).toMatchObject({ errorCode: 9 });
  });

  it('takes a large entry for a table without CR4.PSE', () => {
    const { cpu } = walker32(TABLE | P | PS, 0x5000 | P, 0);
    expect(translate(cpu, UPPER, ACCESS_READ, PRIVILEGE_SUPERVISOR)).toBe(0x5234);
  });

  it('needs both levels to allow an access', () => {
    const code = (directory: number, table: number, access: number, user: boolean): number | null =>
      pageFaultCode(walker32(TABLE | directory, 0x5000 | table), access, user, UPPER);
    expect(code(P | RW, P | RW | US, ACCESS_READ, true)).toBe(5);
    expect(code(P | US, P | RW | US, ACCESS_WRITE, true)).toBe(7);
    expect(code(P, 0, ACCESS_FETCH, false)).toBe(0);
  });
});

describe('PAE paging', () => {
  function walkerPae(pointer: number): Walker {
    const made = walker(P | RW);
    cpu.pdptes.set(3, pointer, 0);
    cpu.eferLow = 0;
    return made;
  }

  it('starts at one of four registers', () => {
    const { cpu } = walkerPae(DIRECTORY | P);
    expect(translate(cpu, 0xc000_0123, ACCESS_READ, PRIVILEGE_SUPERVISOR)).toBe(0x5123);
  });

  it('faults where the pointer is not present', () => {
    expect(pageFaultCode(walkerPae(0), ACCESS_WRITE, false, 0xc000_0123)).toBe(2);
  });

  it.each([
    [DIRECTORY | P, 0, true],
    [DIRECTORY | P | RW, 0, false],
    [P, 0x8000_0000, false],
    [P, 0x0010_0000, false],
    [RW, 0, true],
  ])('entry %#x:%#x is valid: %s', (low, high, valid) => {
    expect(isValidPdpte(low, high)).toBe(valid);
  });
});
