import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalJson, digestOf } from './digest.js';

it('does not depend on the order of keys', () => {
  expect(digestOf({ a: 1, b: { c: [1, 2], d: null } })).toBe(digestOf({ b: { d: null, c: [1, 2] }, a: 1 }));
});

it('depends on the order of elements', () => {
  expect(digestOf([1, 2])).not.toBe(digestOf([2, 1]));
});

it('survives writing and reading', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(canonicalJson(JSON.parse(JSON.stringify(value)))).toBe(canonicalJson(value));
    }),
  );
});
