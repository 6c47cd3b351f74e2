import { describe, expect, it } from 'vitest';
import { ENTRY_SIZE, RECORD_SIZE } from '../cpu/layout.js';
import { PAGE_SIZE, PhysicalMemory } from './physical-memory.js';

const OPTIONS = { cpus: 1, ramBytes: 0x10000, trackedPages: 1, records: 1, codePages: 1 };

/** Writes something in each way there is. */
function use(memory: PhysicalMemory): void {
  const { u8, i32, ram, pages, records, entries, codeMaps } = memory;
  memory.write8(0x1003, 1);
  memory.write32(0x2ffc, 2);
  memory.write64(0x4008, 3n);
  memory.writeNumber(0x5010, 4);
  memory.bytes(0x6ffe, 4).fill(5);
  memory.bytes(0xffff, 1).fill(6);
  // A CPU touches a page of its own, and one that another CPU has as well.
  [1, -1].forEach((state, index) => {
    i32[(pages >>> 2) + 8 + index] = state;
    u8[ram + (8 + index) * PAGE_SIZE + 7] = 7;
  });
  memory.recordsUsed = records + RECORD_SIZE;
  memory.mapsUsed = codeMaps + PAGE_SIZE * 4;
  u8.fill(8, records, memory.recordsUsed);
  u8.fill(9, entries, entries + ENTRY_SIZE);
  u8.fill(10, codeMaps, memory.mapsUsed);
  u8.fill(11, 0, pages);
}

describe('released memory', () => {
  it('goes to the next machine of its size, as if it were new', () => {
    const fresh = new PhysicalMemory(OPTIONS);
    const first = new PhysicalMemory(OPTIONS);
    use(first);
    first.release();
    const next = new PhysicalMemory(OPTIONS);
    expect(next.wasm).toBe(first.wasm);
    expect(Buffer.from(next.u8).equals(fresh.u8)).toBe(true);
  });

  it('goes to one machine only', () => {
    new PhysicalMemory(OPTIONS).release();
    const [first, second] = [new PhysicalMemory(OPTIONS), new PhysicalMemory(OPTIONS)];
    expect(second.wasm).not.toBe(first.wasm);
  });

  it('goes to no machine of another size', () => {
    const small = new PhysicalMemory(OPTIONS);
    small.release();
    const large = new PhysicalMemory({ ...OPTIONS, ramBytes: 0x20000 });
    expect(large.wasm).not.toBe(small.wasm);
    expect(large.ramBytes).toBe(0x20000);
  });

  it('stays where it is while nobody releases it', () => {
    const first = new PhysicalMemory(OPTIONS);
    expect(new PhysicalMemory(OPTIONS).wasm).not.toBe(first.wasm);
  });
});
