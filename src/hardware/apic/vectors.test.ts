import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clearVector, highestVector, processorPriority, setVector, testVector } from './vectors.js';

const vector = fc.integer({ min: 1, max: 255 });

describe('vector registers', () => {
  it('vector x stands at base + ((x & E0H) >> 1), bit x & 1FH, in a page', () => {
    fc.assert(
      fc.property(vector, (v) => {
        const page = new Uint32Array(1024);
        setVector(page, 0x200 >> 2, 4, v);
        expect(page[(0x200 + ((v & 0xe0) >> 1)) >> 2]).toBe((1 << (v & 31)) >>> 0);
      }),
    );
  });

  it('behave as a set of vectors, at either stride', () => {
    const operations = fc.array(fc.tuple(fc.boolean(), vector));
    fc.assert(
      fc.property(operations, fc.constantFrom(1, 4), (list, stride) => {
        const words = new Uint32Array(32);
        const model = new Set<number>();
        for (const [set, v] of list) {
          if (set) model.add(v);
          else model.delete(v);
          (set ? setVector : clearVector)(words, 0, stride, v);
          expect(testVector(words, 0, stride, v)).toBe(set);
          expect(highestVector(words, 0, stride)).toBe(Math.max(0, ...model));
        }
      }),
    );
  });

  it('processor priority is the TPR or the class in service, whichever class is higher', () => {
    expect(processorPriority(0x35, 0x31)).toBe(0x35);
    expect(processorPriority(0x25, 0x31)).toBe(0x30);
    expect(processorPriority(0x25, 0)).toBe(0x25);
  });
});
