import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpreterModule, noHost } from '../../test/support/engine.js';
import { Clock } from '../hardware/clock/clock.js';
import type { Cpu } from '../hardware/cpu/cpu.js';
import { instantiateEngine } from '../hardware/cpu/engine.js';
import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, CPU_EPT_ROOT } from '../hardware/cpu/layout.js';
import { StateBlock } from '../hardware/cpu/state-block.js';
import { PhysicalMemory } from '../hardware/memory/physical-memory.js';
import { outcomeOf } from '../hardware/memory/walk.js';
import { EEXIST, EINVAL } from './errno.js';
import { HostMemory } from './host-memory.js';
import { APIC_DEFAULT_PHYS_BASE } from './lapic/registers.js';
import { MMU_MAPPED, MMU_MMIO, MMU_WAIT, Mmu } from './mmu.js';

const PAGE = 4096;
const MEGABYTE = 2 ** 20;

/** Guest RAM at 0 and the APIC-access page, on a CPU that holds every line and is always next. */
function machine(): { mmu: Mmu; cpu: Cpu; ram: number; apicAccessPage: number; hold: { allowed: boolean } } {
  const memory = new PhysicalMemory({ cpus: 1, ramBytes: 4 * MEGABYTE });
  const host = new HostMemory(memory, { start: PAGE, end: 4 * MEGABYTE });
  const mmu = new Mmu(memory, host, false);
  const ram = host.allocateRange(2 * MEGABYTE);
  const apicAccessPage = host.allocatePages();
  mmu.addSlot({ guestPhysical: 0, bytes: 2 * MEGABYTE, hostPhysical: ram });
  mmu.addSlot({ guestPhysical: APIC_DEFAULT_PHYS_BASE, bytes: PAGE, hostPhysical: apicAccessPage });
  const hold = { allowed: true };
  const engine = instantiateEngine(interpreterModule(), memory.wasm, noHost);
  const clock = new Clock(memory, engine, 0);
  const lines = { hold: () => hold.allowed };
  const cpu = Object.assign(new StateBlock(memory, 0), { engine, clock, lines, fault: null }) as unknown as Cpu;
  cpu.setLong(CPU_EPT_ROOT, mmu.root);
  return { mmu, cpu, ram, apicAccessPage, hold };
}

/** What the processor makes of a guest-physical address: host-physical, or negative with cpu.fault set. */
function walk(cpu: Cpu, gpa: number, access: number = ACCESS_READ): number {
  const pa = cpu.engine.guestPhysical(cpu.block, gpa, gpa, 1, access);
  return pa >= 0 ? pa : -outcomeOf(cpu, pa);
}

describe('Mmu', () => {
  it('maps nothing before the first EPT violation', () => {
    const { cpu } = machine();
    expect(walk(cpu, 0x1000)).toBeLessThan(0);
    expect(cpu.fault).toMatchObject({ kind: 'ept', misconfiguration: false, guestPhysical: 0x1000 });
  });

  it('shows the processor the slot behind a mapped page, for every access', () => {
    const { mmu, cpu, ram } = machine();
    expect(mmu.map(cpu, 0x5123)).toBe(MMU_MAPPED);
    for (const access of [ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH]) {
      expect(walk(cpu, 0x5abc, access)).toBe(ram + 0x5abc);
    }
    expect(walk(cpu, 0x6000)).toBeLessThan(0);
  });

  it('gives FEE00000H a 4-KiB mapping of its own, to the APIC-access page', () => {
    const { mmu, cpu, apicAccessPage } = machine();
    expect(mmu.map(cpu, APIC_DEFAULT_PHYS_BASE + 0x300)).toBe(MMU_MAPPED);
    expect(walk(cpu, APIC_DEFAULT_PHYS_BASE + 0x300)).toBe(apicAccessPage + 0x300);
    expect(walk(cpu, APIC_DEFAULT_PHYS_BASE + PAGE)).toBeLessThan(0);
  });

  it('marks a page without memory so that the next access is a misconfiguration', () => {
    const { mmu, cpu } = machine();
    expect(mmu.map(cpu, 0xfed0_0000)).toBe(MMU_MMIO);
    expect(walk(cpu, 0xfed0_0000)).toBeLessThan(0);
    expect(cpu.fault).toMatchObject({ kind: 'ept', misconfiguration: true });
  });

  it('takes a mapping away', () => {
    const { mmu, cpu } = machine();
    mmu.map(cpu, 0x5000);
    expect(mmu.zap(cpu, 0x5008)).toBe(true);
    expect(walk(cpu, 0x5000)).toBeLessThan(0);
    expect(mmu.leaf(0x5000)).toEqual([0, 0]);
  });

  it('invalidates its own translations with single-context INVEPT', () => {
    const { mmu } = machine();
    const calls: [number, number][] = [];
    mmu.invalidate({
      invept: (type, eptPointer) => {
        calls.push([type, eptPointer]);
        return 0;
      },
    });
    expect(calls).toEqual([[1, mmu.eptPointer]]);
  });

  it('changes nothing while a line is on its way, and succeeds when asked again', () => {
    const { mmu, cpu, hold } = machine();
    hold.allowed = false;
    expect(mmu.map(cpu, 0x5000)).toBe(MMU_WAIT);
    expect(mmu.leaf(0x5000)).toBeNull();
    hold.allowed = true;
    expect(mmu.map(cpu, 0x5000)).toBe(MMU_MAPPED);
  });

  it('writes leaf entries as KVM does: RWX, write-back, ignore PAT', () => {
    const { mmu, cpu, ram } = machine();
    mmu.map(cpu, 0x3000);
    expect(mmu.leaf(0x3000)).toEqual([(ram + 0x3000) | 0x77, 0]);
  });

  it('makes an EPT pointer with write-back tables and four levels', () => {
    const { mmu } = machine();
    expect(mmu.eptPointer).toBe(mmu.root + 0x1e);
  });

  it('agrees with the processor on every address of a slot', () => {
    const { mmu, cpu, ram } = machine();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 * MEGABYTE - 1 }), (gpa) => {
        mmu.map(cpu, gpa);
        expect(walk(cpu, gpa)).toBe(ram + gpa);
        expect(mmu.hostPhysical(gpa)).toBe(ram + gpa);
      }),
    );
  });

  it('refuses slots that are unaligned, empty or overlap', () => {
    const { mmu } = machine();
    expect(mmu.addSlot({ guestPhysical: 0x800, bytes: PAGE, hostPhysical: 0 })).toBe(-EINVAL);
    expect(mmu.addSlot({ guestPhysical: 2 ** 32, bytes: 0, hostPhysical: 0 })).toBe(-EINVAL);
    expect(mmu.addSlot({ guestPhysical: PAGE, bytes: PAGE, hostPhysical: 0 })).toBe(-EEXIST);
    expect(mmu.addSlot({ guestPhysical: 2 ** 32, bytes: PAGE, hostPhysical: 0 })).toBe(0);
  });

  it('gives the bytes of guest memory, and refuses what is not memory', () => {
    const { mmu, ram, cpu } = machine();
    mmu.guestBytes(0x100, 4).set([1, 2, 3, 4]);
    expect(cpu.memory.read32(ram + 0x100)).toBe(0x0403_0201);
    expect(() => mmu.guestBytes(2 * MEGABYTE - 2, 4)).toThrow(RangeError);
  });
});
