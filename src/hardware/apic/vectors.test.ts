import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { setVector, testVector } from './vectors.js';

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
    fc.assert(
      fc.property(fc.array(vector), fc.constantFrom(1, 4), (list, stride) => {
        const words = new Uint32Array(32);
        for (const v of list) setVector(words, 0, stride, v);
        for (let v = 0; v < 256; v++) expect(testVector(words, 0, stride, v)).toBe(list.includes(v));
      }),
    );
  });
});
