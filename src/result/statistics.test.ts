import fc from 'fast-check';
import { expect, it } from 'vitest';
import { summarize } from './statistics.js';

it('summarizes the published column', () => {
  const xapicOff = [
    6106, 6244, 6165, 5992, 6083, 6238, 6164, 5984, 5931, 5955, 5897, 6140, 6183, 5991, 5866, 6032, 6050, 6004, 5961,
    6194,
  ];
  const summary = summarize(xapicOff);
  expect(summary).toMatchObject({ n: 20, mean: 6059, median: 6041, minimum: 5866, maximum: 6244 });
  expect(summary.standardDeviation).toBeCloseTo(114.8, 1);
});

it('keeps minimum <= median <= maximum, and deviates by nothing where all are equal', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1 }), (samples) => {
      const { minimum, median, maximum, standardDeviation } = summarize(samples);
      expect(minimum <= median && median <= maximum).toBe(true);
      expect(standardDeviation === 0).toBe(minimum === maximum);
    }),
  );
});
