import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildGuest, type GuestImage, type GuestOptions } from './guest-image.js';
import * as M from './memory-map.js';
import { WORKLOAD_NAMES, WORKLOADS } from './workloads.js';

const PAGE = 4096;
const OPTIONS: GuestOptions = {
  workload: 'ipi',
  apicMode: 'x2apic',
  apHaltPolicy: 'spin',
  vcpus: 2,
  warmup: 64,
  apPhase: 0,
  iterations: 1024,
};

function guest(options: Partial<GuestOptions> = {}): GuestImage {
  return buildGuest({ ...OPTIONS, ...options });
}

/** The bytes of memory, as the machine would lay them out. */
function read64(image: GuestImage, gpa: number): bigint {
  const bytes = new Uint8Array(8);
  for (const segment of image.segments) {
    for (let i = 0; i < 8; i++) {
      const at = gpa + i - segment.gpa;
      if (at >= 0 && at < segment.bytes.length) bytes[i] = segment.bytes[at] ?? 0;
    }
  }
  return new DataView(bytes.buffer).getBigUint64(0, true);
}

interface Mapping {
  readonly gpa: number;
  readonly user: boolean;
  readonly flags: number;
}

/** Walks the guest's page tables; null when not present. */
function translate(image: GuestImage, address: number): Mapping | null {
  let table = image.vcpus[0]?.cr3 ?? 0;
  let user = true;
  for (let level = 3; level >= 0; level--) {
    const size = PAGE * 512 ** level;
    const entry = Number(read64(image, table + (Math.floor(address / size) % 512) * 8) & 0xffff_ffff_ffffn);
    if ((entry & 1) === 0) return null;
    user &&= (entry & 4) !== 0;
    table = entry - (entry % PAGE);
    if (level === 0 || (entry & 0x80) !== 0) return { gpa: table + (address % size), user, flags: entry % PAGE };
  }
  return null;
}

const PRESENT_WRITABLE_ACCESSED_DIRTY = 0x63;

describe('buildGuest', () => {
  it('maps all memory and the local APIC to the same addresses, with accessed and dirty set', () => {
    const image = guest();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: image.memoryBytes - 1 }), (address) => {
        const mapping = translate(image, address);
        expect(mapping?.gpa).toBe(address);
        expect((mapping?.flags ?? 0) & PRESENT_WRITABLE_ACCESSED_DIRTY).toBe(PRESENT_WRITABLE_ACCESSED_DIRTY);
      }),
    );
    expect(translate(image, M.LOCAL_APIC + 0x300)?.gpa).toBe(M.LOCAL_APIC + 0x300);
    expect(translate(image, M.LOCAL_APIC + PAGE)).toBeNull();
    expect(translate(image, image.memoryBytes)).toBeNull();
  });

  it('lets privilege level 3 see code and data of senduipi only', () => {
    expect(translate(guest(), M.MAILBOX)?.user).toBe(false);
    const image = guest({ workload: 'senduipi' });
    for (const address of [M.MAILBOX, M.RESULTS, M.USER_CODE, M.USER_STACKS])
      expect(translate(image, address)?.user).toBe(true);
    for (const address of [M.KERNEL_CODE, M.GDT, M.PML4, M.perCpu(0), M.LOCAL_APIC])
      expect(translate(image, address)?.user).toBe(false);
  });

  it('keeps the mailbox in one cache line, in a page without anything else', () => {
    expect(Math.floor(M.MAILBOX / 64)).toBe(Math.floor((M.MAILBOX_END - 1) / 64));
    const page = Math.floor(M.MAILBOX / PAGE);
    for (const { gpa, bytes } of guest().segments) {
      expect(page < Math.floor(gpa / PAGE) || page > Math.floor((gpa + bytes.length - 1) / PAGE)).toBe(true);
    }
    for (const address of [M.ONLINE, M.RESULTS, M.ITERATIONS, M.APIC_ADDRESS, M.ID_MAP])
      expect(Math.floor(address / PAGE)).not.toBe(page);
  });

  it('puts nothing twice at one address, and everything into memory', () => {
    for (const workload of WORKLOAD_NAMES) {
      const { segments, memoryBytes } = guest({ workload, vcpus: 8 });
      const sorted = segments.toSorted((a, b) => a.gpa - b.gpa);
      let end = 0;
      for (const { gpa, bytes } of sorted) {
        expect(gpa).toBeGreaterThanOrEqual(end);
        end = gpa + bytes.length;
      }
      expect(end).toBeLessThanOrEqual(memoryBytes);
    }
  });

  it('gives every CPU its own page behind GS and its own stack', () => {
    const { vcpus } = guest({ vcpus: 5 });
    const own = vcpus.flatMap(({ rsp, segments }) => [
      (segments[5]?.base ?? 0) / PAGE,
      (rsp - 8 - ((rsp - 8) % PAGE)) / PAGE,
    ]);
    expect(new Set(own).size).toBe(10);
  });

  it('describes each CPU by its number', () => {
    const image = guest({ vcpus: 3 });
    const numbers = image.vcpus.map(({ segments }) =>
      Number(read64(image, (segments[5]?.base ?? 0) + M.GS_CPU_NUMBER) & 0xffff_ffffn),
    );
    expect(numbers).toEqual([0, 1, 2]);
  });

  it('starts in 64-bit mode at privilege level 0 with descriptors that match the table', () => {
    const image = guest();
    for (const { segments, efer, cr0, gdtr } of image.vcpus) {
      expect(efer & 0x500).toBe(0x500);
      expect(cr0 >>> 0).toBe(0x8001_0011);
      for (const { selector, access, limit } of segments.filter((segment) => segment.selector !== 0)) {
        expect(selector + 7).toBeLessThanOrEqual(gdtr.limit);
        const descriptor = read64(image, gdtr.base + selector);
        expect(Number((descriptor >> 40n) & 0xf0ffn)).toBe(access);
        expect(limit).toBe((access & 0x8000) === 0 ? Number(descriptor & 0xffffn) : 0xffff_ffff);
      }
    }
  });

  it('marks only CPU 0 as bootstrap processor', () => {
    expect(guest().vcpus.map(({ apicBase }) => apicBase)).toEqual([0xfee0_0900, 0xfee0_0800]);
  });

  it('points the IPI vector at code', () => {
    const image = guest();
    const gate = read64(image, M.IDT + 0x20 * 16);
    expect(Number((gate >> 16n) & 0xffffn)).toBe(M.KERNEL_CODE_SELECTOR);
    expect(Number((gate >> 40n) & 0xffn)).toBe(0x8e);
    const handler = Number((gate & 0xffffn) | ((gate >> 32n) & 0xffff_0000n));
    expect(handler).toBeGreaterThanOrEqual(M.KERNEL_CODE);
  });

  it.each([
    ['xapic', 0x100n],
    ['x2apic', 1n],
  ] as const)('gives the user-interrupt descriptor the notification destination of %s mode', (apicMode, ndst) => {
    const image = guest({ workload: 'senduipi', apicMode });
    const control = read64(image, M.UPID);
    expect(control >> 32n).toBe(ndst);
    expect((control >> 16n) & 0xffn).toBe(0xecn);
    expect(control & 0xffffn).toBe(0n);
    expect(read64(image, M.UITT + 8)).toBe(BigInt(M.UPID));
    expect(read64(image, M.UITT) & 0xffn).toBe(1n);
  });

  it('reads its results back', () => {
    const values: Readonly<Record<number, number>> = {
      [M.RESULTS]: 1000,
      [M.RESULTS + 8]: 900,
      [M.RESULTS + 16]: 10,
      [M.RESULTS + 24]: 1,
    };
    const read = (gpa: number): number => values[gpa] ?? 0;
    expect(guest().readResults(read)).toEqual({ cycles: 1000, innerCycles: 900, iterations: 10, passes: 1 });
    expect(guest({ workload: 'vmcall' }).readResults(read).innerCycles).toBeNull();
  });

  it('assembles every workload with every idle policy it knows', () => {
    for (const workload of WORKLOAD_NAMES) {
      for (const apHaltPolicy of WORKLOADS[workload].apHaltPolicies) {
        for (const iterations of [1, 'kvm-unit-tests'] as const) {
          expect(guest({ workload, apHaltPolicy, iterations }).segments.length).toBeGreaterThan(8);
        }
      }
    }
  });

  it('refuses what a workload cannot run with', () => {
    expect(() => guest({ vcpus: 1 })).toThrow('ipi runs on 2 to');
    expect(() => guest({ workload: 'senduipi', apHaltPolicy: 'hlt' })).toThrow('cannot run with idle policy hlt');
    expect(() => guest({ iterations: 0 })).toThrow('at least one iteration');
  });
});
