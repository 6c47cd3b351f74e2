import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootstrapChange } from './bootstrap.js';
import { mannWhitney } from './mann-whitney.js';
import { complementaryError, twoSidedTail } from './normal-tail.js';

describe('erfc', () => {
  it.each([
    [0, 1],
    [0.5, 0.4795001221869535],
    [1.9999, 0.004679802092970608],
    [2, 0.004677734981047266],
    [5, 1.5374597944280347e-12],
  ])('of %d is known', (x, expected) => {
    expect(complementaryError(x) / expected).toBeCloseTo(1, 10);
  });

  it('gives the usual tails', () => {
    expect(twoSidedTail(1.959963984540054)).toBeCloseTo(0.05, 12);
    expect(twoSidedTail(-1.959963984540054)).toBeCloseTo(0.05, 12);
  });
});

describe('Mann-Whitney', () => {
  const males = [19, 22, 16, 29, 24];
  const females = [20, 11, 17, 12];

  it('is exact for small samples without ties', () => {
    const { u, p, method } = mannWhitney(males, females);
    expect([u, method]).toEqual([17, 'exact']);
    expect(p).toBeCloseTo(1 / 9, 12);
  });

  it('approximates with correction for continuity and ties', () => {
    expect(mannWhitney([1, 2, 2, 3, 5], [2, 4, 6, 7, 8])).toMatchObject({ u: 4, method: 'normal' });
    expect(mannWhitney([1, 2, 2, 3, 5], [2, 4, 6, 7, 8]).p).toBeCloseTo(0.0911, 3);
  });

  it('has 2 / C(8, 4) as its smallest p for four against four', () => {
    expect(mannWhitney([1, 2, 3, 4], [5, 6, 7, 8]).p).toBeCloseTo(2 / 70, 12);
  });

  it('finds nothing in equal samples', () => {
    expect(mannWhitney([5, 5, 5], [5, 5, 5]).p).toBe(1);
    expect(mannWhitney([1, 4], [2, 3]).p).toBe(1);
  });

  it('does not care which sample is which', () => {
    const samples = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        const [one, other] = [mannWhitney(a, b), mannWhitney(b, a)];
        expect(one.u + other.u).toBe(a.length * b.length);
        expect(one.p).toBeCloseTo(other.p, 12);
        expect(one.p).toBeGreaterThan(0);
        expect(one.p).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('is nearly the same by counting and by approximation where both are good', () => {
    const a = Array.from({ length: 25 }, (_, i) => 2 * i);
    const b = Array.from({ length: 25 }, (_, i) => 2 * i + 13);
    const exact = mannWhitney(a, b);
    const normal = mannWhitney([...a, 1000.5], [...b, 1000.25]);
    expect([exact.method, normal.method]).toEqual(['exact', 'normal']);
    expect(Math.abs(exact.p - normal.p)).toBeLessThan(0.03);
  });
});

describe('the bootstrap interval', () => {
  const before = Array.from({ length: 20 }, (_, i) => 100 + i);
  const after = before.map((value) => value * 0.8);

  it('holds the change of the median', () => {
    const [low, high] = bootstrapChange(before, after);
    expect(low).toBeLessThan(-20);
    expect(high).toBeGreaterThan(-20);
    expect(high - low).toBeLessThan(20);
  });

  it('is the same for the same data', () => {
    expect(bootstrapChange(before, after)).toEqual(bootstrapChange([...before], [...after]));
    expect(bootstrapChange([1, 1, 1], [2, 2, 2])).toEqual([100, 100]);
  });
});
