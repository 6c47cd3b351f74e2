import { describe, expect, it } from 'vitest';
import { iterationsOf } from './image-iterations.js';

describe('iterations of an image', () => {
  // prettier-ignore
  it.each<[what: string, rule: number | 'kvm-unit-tests', average: number, cycles: number, expected: number | null]>([
    ['its own number',                              1000,             500, 500_400,               1000],
    ['its own number, with a little other work',    1000,             500, 505_000,               1000],
    ['more time than its number explains',          1000,             500, 700_000,               null],
    ['less time than its number explains',          1000,             500, 300_000,               null],
    ['passes that double until one takes 2^30',     'kvm-unit-tests', 3642, 3642.5 * 1_048_512,   1_048_512],
    ['a single pass that is long enough',           'kvm-unit-tests', 2 ** 25, 2 ** 25 * 64,      64],
    ['averages of a few cycles',                    'kvm-unit-tests', 7, 7.9 * (2 ** 29 - 64),    2 ** 29 - 64],
    ['a last pass that was long enough by a power', 'kvm-unit-tests', 4096, 4096 * (2 ** 19 - 64), 2 ** 19 - 64],
    ['one more pass, the last being just too short', 'kvm-unit-tests', 4096, 4096 * (2 ** 20 - 64), 2 ** 20 - 64],
    ['a time that no such passes take',             'kvm-unit-tests', 3642, 3642 * 1000,          null],
  ])('%s', (_, rule, average, cycles, expected) => {
    expect(iterationsOf(rule, average, cycles)).toBe(expected);
  });
});
