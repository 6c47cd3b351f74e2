import { describe, expect, it } from 'vitest';
import { PhysicalMemory } from './physical-memory.js';

const OPTIONS = { cpus: 1, ramBytes: 0x10000, trackedPages: 1, records: 1, codePages: 1 };

describe('released memory', () => {
  it('goes to the next machine of its size, as if it were new', () => {
    const fresh = new PhysicalMemory(OPTIONS);
    const first = new PhysicalMemory(OPTIONS);
    first.u8.fill(0xff);
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
