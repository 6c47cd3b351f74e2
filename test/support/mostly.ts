import fc from 'fast-check';

/** `value` more often than all others together. */
export function mostly<T>(value: T, ...others: fc.Arbitrary<T>[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 6, arbitrary: fc.constant(value) }, ...others);
}
