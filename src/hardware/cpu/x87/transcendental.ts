/**
 * Transcendental instructions (SDM vol. 1, 8.3.7 to 8.3.10; vol. 2), with integers: results are rounded correctly, after a
 * reduction of angles by the pi of 66 bits that processors of this class use. They differ from such a processor's where it
 * does not find the nearest number; its error is below one unit of the last place.
 *
 * Where an operand is outside the range that an instruction is defined for, F2XM1 leaves it alone and FYL2XP1 calculates
 * on. All round as rounding control says; precision control does not matter.
 */
import { Mnemonic } from 'iced-x86';
import type { Handler, HandlerTable } from '../slow/handler.js';
import { invalid, noteDenormals } from '../vector/arithmetic.js';
import {
  bitLength,
  DIVIDE_BY_ZERO,
  EXTENDED,
  infinity,
  round,
  zero,
  type Real,
  type Rounding,
} from '../vector/ieee754.js';
import { exact, exceptional, extended, fromInteger } from './numbers.js';
import { C2, INDEFINITE, x87, type X87Operation } from './operation.js';
import * as S from './series.js';

type Sign = 0 | 1;

/** Half of a pi of 66 bits: a significand, and its exponent. */
const HALF_PI = 0xc90f_daa2_2168_c234_cn;
const HALF_PI_EXPONENT = -67;
/** Angles of this magnitude and more are not reduced. */
const ANGLE_LIMIT = 63;
const ONE_BITS = fromInteger(1n);

function opposite(sign: Sign): Sign {
  return sign === 0 ? 1 : 0;
}

function product(a: Sign, b: Sign): Sign {
  return a === b ? 0 : 1;
}

/** A magnitude in fixed point; what is too small is 0. */
function fixed({ significand, exponent }: Real): bigint {
  const shift = S.FRACTION_BITS + exponent;
  return shift >= 0 ? significand << BigInt(shift) : significand >> BigInt(-shift);
}

/** A fixed-point result, with the sign of its value. */
function result(sign: Sign, value: bigint, rounding: Rounding): bigint {
  return S.roundedUpward(sign, value, -S.FRACTION_BITS, rounding);
}

// ---- Sine, cosine, tangent

interface Reduced {
  /** Number of right angles taken away, modulo 4. */
  readonly quadrant: number;
  /** What is left: between -pi/4 and pi/4. */
  readonly rest: Real;
}

/** Takes right angles from the magnitude of a number. */
function reduce(angle: Real): Reduced {
  const exponent = Math.min(angle.exponent, HALF_PI_EXPONENT);
  const magnitude = angle.significand << BigInt(angle.exponent - exponent);
  const right = HALF_PI << BigInt(HALF_PI_EXPONENT - exponent);
  const count = (2n * magnitude + right) / (2n * right);
  const rest = magnitude - count * right;
  const sign = rest < 0n ? 1 : 0;
  return {
    quadrant: Number(count & 3n),
    rest: { ...angle, sign, significand: sign === 1 ? -rest : rest, exponent },
  };
}

/** Sine (`turn` 0) or cosine (1) of an angle. */
function sine(angle: Real, turn: number, rounding: Rounding): bigint {
  if (angle.kind === 'zero') return turn === 0 ? exact(angle) : ONE_BITS;
  const { quadrant, rest } = reduce(angle);
  const x = fixed(rest);
  const square = S.multiply(x, x);
  const isCosine = ((quadrant + turn) & 1) === 1;
  const lower: Sign = ((quadrant + turn) & 2) === 0 ? 0 : 1;
  const sign = turn === 0 ? product(angle.sign, lower) : lower;
  // Both are a little less than what they are without the rest of their series.
  if (isCosine) return result(sign, S.cosineSeries(square) - 1n, rounding);
  const significand = rest.significand * (S.sineSeries(square) - 1n);
  return S.roundedUpward(product(sign, rest.sign), significand, rest.exponent - S.FRACTION_BITS, rounding);
}

function tangent(angle: Real, rounding: Rounding): bigint {
  if (angle.kind === 'zero') return exact(angle);
  const { quadrant, rest } = reduce(angle);
  const x = fixed(rest);
  const square = S.multiply(x, x);
  const ratio = S.divide(S.sineSeries(square), S.cosineSeries(square));
  const sign = product(angle.sign, rest.sign);
  if ((quadrant & 1) === 0) {
    return S.roundedUpward(sign, rest.significand * ratio, rest.exponent - S.FRACTION_BITS, rounding);
  }
  const bits = BigInt(2 * S.FRACTION_BITS);
  const inverse = (S.ONE << bits) / ratio / rest.significand;
  return S.roundedUpward(opposite(sign), inverse, -rest.exponent - 2 * S.FRACTION_BITS, rounding);
}

/** What functions of angles do: `first` replaces ST(0), `second`, if there is one, is pushed. */
function ofAngle(
  first: (angle: Real, rounding: Rounding) => bigint,
  second: ((angle: Real, rounding: Rounding) => bigint) | null = null,
): Handler {
  return x87((operation) => {
    const { rounding } = operation;
    const put = (results: readonly bigint[]): void => {
      operation.write(0, results[0]);
      if (second !== null) operation.push(results[1]);
    };
    operation.setConditions(C2, 0);
    if (operation.lacks(0) || (second !== null && operation.isFull())) {
      put([INDEFINITE, INDEFINITE]);
      return;
    }
    const source = extended(operation.read(0));
    const { real } = source;
    const isTooLarge =
      real.kind === 'finite' && !source.isUnsupported && real.exponent + EXTENDED.leadingBit >= ANGLE_LIMIT;
    if (isTooLarge) {
      operation.setConditions(C2, C2);
      return;
    }
    let nan = exceptional(source, source, rounding);
    if (real.kind === 'infinity') nan ??= invalid(EXTENDED, rounding);
    if (nan !== null) {
      put([nan, nan]);
      return;
    }
    noteDenormals(real, real, rounding);
    put([first(real, rounding), ...(second === null ? [] : [second(real, rounding)])]);
  });
}

// ---- Arctangent

/** Angle of the point at x = `b`, y = `a`. */
function inverseTangent(a: Real, b: Real, rounding: Rounding): bigint {
  noteDenormals(a, b, rounding);
  const isFlat = a.kind === 'zero' || (b.kind === 'infinity' && a.kind !== 'infinity');
  if (isFlat) return b.sign === 0 ? zero(EXTENDED, a.sign) : result(a.sign, S.PI, rounding);
  if (b.kind === 'zero' || (a.kind === 'infinity' && b.kind !== 'infinity')) return result(a.sign, S.PI / 2n, rounding);
  if (a.kind === 'infinity') return result(a.sign, b.sign === 0 ? S.PI / 4n : (3n * S.PI) / 4n, rounding);
  const isSteep = a.exponent + bitLength(a.significand) > b.exponent + bitLength(b.significand);
  const [short, long] = isSteep ? [b, a] : [a, b];
  return angle(a, b, short, long, rounding);
}

/** The angle of the shorter leg, from its own axis: exact where it is small. */
function angle(a: Real, b: Real, short: Real, long: Real, rounding: Rounding): bigint {
  const shift = 2 * S.FRACTION_BITS;
  const quotient = (short.significand << BigInt(shift)) / long.significand;
  const exponent = short.exponent - long.exponent - shift;
  const ratio = S.inverseTangentRatio(fixed({ ...short, significand: quotient, exponent })) - 1n;
  if (short === a && b.sign === 0) {
    return S.roundedUpward(a.sign, quotient * ratio, exponent - S.FRACTION_BITS, rounding);
  }
  const small = fixed({ ...short, significand: quotient * ratio, exponent: exponent - S.FRACTION_BITS });
  const fromAxis = short === a ? small : S.PI / 2n - (b.sign === 0 ? small : -small);
  return result(a.sign, short === a ? S.PI - fromAxis : fromAxis, rounding);
}

// ---- Logarithms and powers

/** ST(1) becomes a function of itself and of ST(0), which is popped. */
function intoNext(calculate: (a: Real, b: Real, rounding: Rounding) => bigint): Handler {
  return x87((operation) => {
    operation.write(1, operation.lacks(0, 1) ? INDEFINITE : intoNextOf(calculate, operation));
    operation.pop();
  });
}

function intoNextOf(calculate: (a: Real, b: Real, rounding: Rounding) => bigint, operation: X87Operation): bigint {
  const [b, a] = [0, 1].map((number) => extended(operation.read(number)));
  return exceptional(a, b, operation.rounding) ?? calculate(a.real, b.real, operation.rounding);
}

/** y * log2(x). */
function timesLogarithm(y: Real, x: Real, rounding: Rounding): bigint {
  if (x.sign === 1 && x.kind !== 'zero') return invalid(EXTENDED, rounding);
  if (x.kind === 'zero') return timesInfinity(y, 1, rounding, DIVIDE_BY_ZERO);
  if (x.kind === 'infinity') return timesInfinity(y, 0, rounding);
  const { whole, fraction } = logarithmParts(x);
  const sum = BigInt(whole) * S.ONE + fraction;
  if (y.kind === 'infinity' && sum === 0n) return invalid(EXTENDED, rounding);
  noteDenormals(y, x, rounding);
  const sign = product(y.sign, sum < 0n ? 1 : 0);
  if (y.kind === 'infinity') return infinity(EXTENDED, sign);
  if (y.kind === 'zero' || sum === 0n) return zero(EXTENDED, sign);
  const significand = y.significand * (sum < 0n ? -sum : sum);
  const exponent = y.exponent - S.FRACTION_BITS;
  return fraction === 0n
    ? round(EXTENDED, sign, significand, exponent, rounding)
    : S.roundedUpward(sign, significand, exponent, rounding);
}

/** log2(x) as a whole number and the logarithm of a number between the roots of 1/2 and of 2. */
function logarithmParts(x: Real): { whole: number; fraction: bigint } {
  const length = bitLength(x.significand);
  const mantissa = x.significand << BigInt(S.FRACTION_BITS - (length - 1));
  const isAbove = S.multiply(mantissa, mantissa) > 2n * S.ONE;
  const whole = x.exponent + length - 1 + (isAbove ? 1 : 0);
  return { whole, fraction: S.divide(S.logarithm(isAbove ? mantissa / 2n : mantissa), S.LN_2) };
}

/** y times an infinite logarithm; `flags`: what it raises if y is a number. */
function timesInfinity(y: Real, sign: Sign, rounding: Rounding, flags = 0): bigint {
  if (y.kind === 'zero') return invalid(EXTENDED, rounding);
  if (y.kind === 'finite') {
    if (flags !== 0) rounding.raise(flags);
    else noteDenormals(y, y, rounding);
  }
  return infinity(EXTENDED, product(y.sign, sign));
}

/** y * log2(x + 1). */
function timesLogarithmOfNext(y: Real, x: Real, rounding: Rounding): bigint {
  if (x.kind === 'infinity') return x.sign === 1 ? invalid(EXTENDED, rounding) : timesInfinity(y, 0, rounding);
  if (x.kind === 'zero' && y.kind === 'infinity') return invalid(EXTENDED, rounding);
  const size = x.exponent + bitLength(x.significand);
  if (x.kind === 'finite' && size > 0) return timesLargeLogarithm(y, x, rounding);
  noteDenormals(y, x, rounding);
  const sign = product(y.sign, x.sign);
  if (y.kind === 'infinity') return infinity(EXTENDED, sign);
  if (y.kind === 'zero' || x.kind === 'zero') return zero(EXTENDED, sign);
  const argument = fixed(x) * (x.sign === 1 ? -1n : 1n);
  const ratio = S.divide(argument, 2n * S.ONE + argument);
  const series = 2n * S.inverseTangentSeries(S.multiply(ratio, ratio));
  const factor = S.divide(series, S.multiply(2n * S.ONE + argument, S.LN_2));
  const significand = y.significand * x.significand * factor;
  return S.roundedUpward(sign, significand, y.exponent + x.exponent - S.FRACTION_BITS, rounding);
}

/** The same with an x outside the range of the instruction, of magnitude 1 or more. */
function timesLargeLogarithm(y: Real, x: Real, rounding: Rounding): bigint {
  const exponent = Math.min(x.exponent, 0);
  const magnitude = x.significand << BigInt(x.exponent - exponent);
  const sum = (x.sign === 1 ? -magnitude : magnitude) + (1n << BigInt(-exponent));
  const kind = sum === 0n ? 'zero' : 'finite';
  const next: Real = { ...x, kind, sign: sum < 0n ? 1 : 0, significand: sum < 0n ? -sum : sum, exponent };
  return timesLogarithm(y, next, rounding);
}

/** 2^x - 1. */
function powerLessOne(x: Real, rounding: Rounding): bigint {
  if (x.kind === 'infinity')
    return x.sign === 0 ? exact(x) : exact({ ...x, kind: 'finite', significand: 1n, exponent: 0 });
  if (x.kind === 'zero') return exact(x);
  noteDenormals(x, x, rounding);
  const size = x.exponent + bitLength(x.significand) - 1;
  const isWhole = size === 0 && fixed(x) === S.ONE;
  if (size >= 0 && !isWhole) return exact(x);
  if (isWhole) return exact({ ...x, significand: 1n, exponent: x.sign === 0 ? 0 : -1 });
  const argument = S.multiply(fixed(x) * (x.sign === 1 ? -1n : 1n), S.LN_2);
  const significand = x.significand * S.multiply(S.LN_2, S.exponentialSeries(argument));
  return S.roundedUpward(x.sign, significand, x.exponent - S.FRACTION_BITS, rounding);
}

const f2xm1 = x87((operation) => {
  if (operation.lacks(0)) {
    operation.write(0, INDEFINITE);
    return;
  }
  const source = extended(operation.read(0));
  operation.write(0, exceptional(source, source, operation.rounding) ?? powerLessOne(source.real, operation.rounding));
});

export const TRANSCENDENTALS: HandlerTable = [
  [Mnemonic.Fsin, ofAngle((angle, rounding) => sine(angle, 0, rounding))],
  [Mnemonic.Fcos, ofAngle((angle, rounding) => sine(angle, 1, rounding))],
  [
    Mnemonic.Fsincos,
    ofAngle(
      (angle, rounding) => sine(angle, 0, rounding),
      (angle, rounding) => sine(angle, 1, rounding),
    ),
  ],
  [Mnemonic.Fptan, ofAngle(tangent, () => ONE_BITS)],
  [Mnemonic.Fpatan, intoNext(inverseTangent)],
  [Mnemonic.F2xm1, f2xm1],
  [Mnemonic.Fyl2x, intoNext(timesLogarithm)],
  [Mnemonic.Fyl2xp1, intoNext(timesLogarithmOfNext)],
];
