import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CODE, cpuFixture, type Fixture } from '../../../../test/support/cpu-fixture.js';
import { bitsOf, setStack, stackBits, stackNumber } from '../../../../test/support/x87-stack.js';
import { FX_STATUS, readState16, setX87Control, stackTop } from '../extended-state.js';
import { PI, LN_2 } from './series.js';

const F2XM1 = 0xf0;
const FYL2X = 0xf1;
const FPTAN = 0xf2;
const FPATAN = 0xf3;
const FYL2XP1 = 0xf9;
const FSINCOS = 0xfb;
const FSIN = 0xfe;
const FCOS = 0xff;

const NEAREST = 0x37f;
const DOWN = 0x77f;
const UP = 0xb7f;
const C2 = 0x400;
const INVALID = 1;
const DIVIDE_BY_ZERO = 4;
const PRECISION = 0x20;
const ONE_BITS = bitsOf(1);

const fixture = cpuFixture();

/** Executes D9 `code` with `values` on the stack. */
function after(code: number, values: readonly (number | bigint)[], control = NEAREST): Fixture {
  const { cpu } = fixture;
  setStack(cpu, ...values);
  setX87Control(cpu, control);
  fixture.load(CODE, 0xd9, code, 0x90);
  cpu.rip = CODE;
  fixture.step();
  return fixture;
}

const top = (code: number, ...values: (number | bigint)[]): number => stackNumber(after(code, values).cpu, 0);
const flags = (code: number, ...values: (number | bigint)[]): number =>
  readState16(after(code, values).cpu, FX_STATUS) & (C2 | 0x3f);

/** Doubles have 53 bits, and JavaScript's functions may be off by some units of the last. */
function expectNear(value: number, wanted: number): void {
  expect(Math.abs(value - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * 2 ** -50);
}

describe('series', () => {
  it('give pi and ln 2', () => {
    expect((PI >> 128n).toString(16)).toBe('3243f6a8885a308d313198a2e03707344');
    expect((LN_2 >> 128n).toString(16)).toBe('b17217f7d1cf79abc9e3b39803f2f6af');
  });
});

describe('results are those of the functions', () => {
  const numbers = (low: number, high: number): fc.Arbitrary<number> =>
    fc.double({ min: low, max: high, noNaN: true, noDefaultInfinity: true });
  const options = { numRuns: 100, seed: 87 };

  it('sine, cosine and tangent', () => {
    fc.assert(
      fc.property(numbers(-3, 3), (x) => {
        fc.pre(Math.abs(x) > 1e-300);
        expectNear(top(FSIN, x), Math.sin(x));
        expectNear(top(FCOS, x), Math.cos(x));
        const { cpu } = after(FPTAN, [x]);
        expectNear(stackNumber(cpu, 1), Math.tan(x));
        expect(stackBits(cpu, 0)).toBe(ONE_BITS);
      }),
      options,
    );
  });

  it('arctangent of a quotient', () => {
    fc.assert(
      fc.property(numbers(-1e3, 1e3), numbers(-1e3, 1e3), (x, y) => {
        fc.pre(Math.abs(y) > 1e-100 && Math.abs(x) > 1e-100);
        expectNear(top(FPATAN, x, y), Math.atan2(y, x));
      }),
      options,
    );
  });

  it('logarithms and powers', () => {
    fc.assert(
      fc.property(numbers(0.01, 100), numbers(-1, 1), (x, y) => {
        fc.pre(Math.abs(y) > 1e-100 && Math.abs(x - 1) > 1e-3);
        expectNear(top(FYL2X, x, y), y * Math.log2(x));
        expectNear(top(FYL2XP1, y / 4, 3), (3 * Math.log1p(y / 4)) / Math.LN2);
        expectNear(top(F2XM1, y), Math.expm1(y * Math.LN2));
      }),
      options,
    );
  });
});

describe('results are rounded correctly', () => {
  // Digits of sin 1, atan 1 and 2^0.5 - 1.
  it.each([
    ['sin 1', FSIN, [1], 0x3ffe_d76a_a478_4867_7020n, 0x3ffe_d76a_a478_4867_7021n],
    ['atan 1', FPATAN, [1, 1], 0x3ffe_c90f_daa2_2168_c234n, 0x3ffe_c90f_daa2_2168_c235n],
    ['the root of 2, less 1', F2XM1, [0.5], 0x3ffd_d413_cccf_e779_9211n, 0x3ffd_d413_cccf_e779_9212n],
  ])('%s, down and up', (_, code, values, low, high) => {
    expect([DOWN, UP].map((control) => stackBits(after(code, values, control).cpu, 0))).toEqual([low, high]);
  });

  it('next to small arguments', () => {
    const small = bitsOf(2 ** -600);
    const below = (((small >> 64n) - 1n) << 64n) | 0xffff_ffff_ffff_ffffn;
    const bits = (code: number, control: number): bigint => stackBits(after(code, [small], control).cpu, 0);
    expect([bits(FSIN, DOWN), bits(FSIN, UP)]).toEqual([below, small]);
    expect(bits(FCOS, DOWN)).toBe(0x3ffe_ffff_ffff_ffff_ffffn);
    expect(bits(FCOS, UP)).toBe(ONE_BITS);
  });

  it('and exact ones are not flagged', () => {
    expect([top(FYL2X, 8, 5), flags(FYL2X, 8, 5)]).toEqual([15, 0]);
    expect([top(F2XM1, -1), flags(F2XM1, -1), top(F2XM1, 1)]).toEqual([-0.5, 0, 1]);
    expect([flags(FSIN, 1), flags(FSIN, 0)]).toEqual([PRECISION, 0]);
  });
});

describe('operands that are not ordinary', () => {
  it('angles of 2^63 and more are left alone, with C2', () => {
    for (const code of [FSIN, FCOS, FSINCOS, FPTAN]) {
      const { cpu } = after(code, [2 ** 63]);
      expect([stackTop(cpu), stackNumber(cpu, 0), readState16(cpu, FX_STATUS) & C2]).toEqual([7, 2 ** 63, C2]);
    }
    expect(flags(FSIN, 2 ** 62)).toBe(PRECISION);
  });

  it('are reduced by a pi of 66 bits', () => {
    // The number next to pi is 2^-64 more than that.
    const { cpu } = after(FSIN, [0x4000_c90f_daa2_2168_c235n]);
    expect(stackNumber(cpu, 0)).toBe(-(2 ** -64));
  });

  it.each([
    ['the sine of infinity', FSIN, [Infinity], NaN, INVALID],
    ['the logarithm of 0', FYL2X, [0, 2], -Infinity, DIVIDE_BY_ZERO],
    ['the logarithm of a negative number', FYL2X, [-1, 2], NaN, INVALID],
    ['0 times the logarithm of infinity', FYL2X, [Infinity, 0], NaN, INVALID],
    ['the logarithm of infinity', FYL2X, [Infinity, -2], -Infinity, 0],
    ['2 to minus infinity, less 1', F2XM1, [-Infinity], -1, 0],
    ['the angle of (infinity, infinity)', FPATAN, [Infinity, Infinity], Math.PI / 4, PRECISION],
    ['the angle of (-0, 0)', FPATAN, [-0, 0], Math.PI, PRECISION],
    ['the angle of (0, -1)', FPATAN, [0, -1], -Math.PI / 2, PRECISION],
    ['the angle of (1, -0)', FPATAN, [1, -0], -0, 0],
  ])('%s', (_, code, values, wanted, raised) => {
    const result = top(code, ...values);
    if (Number.isFinite(wanted) && wanted !== 0) expectNear(result, wanted);
    else expect(result).toBe(wanted);
    expect(flags(code, ...values)).toBe(raised);
  });
});
