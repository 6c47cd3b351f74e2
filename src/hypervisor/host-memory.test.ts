import { describe, expect, it } from 'vitest';
import { PhysicalMemory } from '../hardware/memory/physical-memory.js';
import { HostMemory, pageOrder } from './host-memory.js';

const PAGE = 4096;

function host(): { memory: PhysicalMemory; host: HostMemory } {
  const memory = new PhysicalMemory({ cpus: 1, ramBytes: 32 * PAGE });
  return { memory, host: new HostMemory(memory, { start: PAGE, end: 32 * PAGE }) };
}

describe('HostMemory', () => {
  it('aligns 2^order pages to their size', () => {
    const { host: pages } = host();
    pages.allocatePages();
    expect(pages.allocatePages(2) % (4 * PAGE)).toBe(0);
  });

  it('hands a freed page out again, zeroed', () => {
    const { memory, host: pages } = host();
    const address = pages.allocatePages();
    memory.write32(address + 8, 0xdead_beef);
    pages.freePages(address);
    expect(pages.allocatePages()).toBe(address);
    expect(memory.read32(address + 8)).toBe(0);
  });

  it('throws when memory is short', () => {
    const { host: pages } = host();
    pages.allocateRange(20 * PAGE);
    expect(() => pages.allocatePages(4)).toThrow(RangeError);
  });

  it('computes the order of a size as get_order does', () => {
    expect([1, PAGE, PAGE + 1, 8 * PAGE, 1023 * 8].map(pageOrder)).toEqual([0, 0, 1, 3, 1]);
  });
});
