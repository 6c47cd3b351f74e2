/**
 * Arithmetic on numbers of IEEE 754 (SDM vol. 1, 4.8.3 and 11.5.2; vol. 2): bits in, bits out, as SSE and SSE2 treat NaNs,
 * exceptions into `rounding.flags`. What takes numbers apart already, and so no NaNs, is the x87 unit's as well.
 */
import {
  bitLength,
  DENORMAL,
  DIVIDE_BY_ZERO,
  indefinite,
  infinity,
  INVALID,
  quieted,
  round,
  ROUND_DOWN,
  toInteger,
  unpack,
  zero,
  type Format,
  type Real,
  type Rounding,
} from './ieee754.js';

export type Operation = (format: Format, a: bigint, b: bigint, rounding: Rounding) => bigint;

export function isNan({ kind }: Real): boolean {
  return kind === 'quiet' || kind === 'signaling';
}

export function noteSignaling(a: Real, b: Real, rounding: Rounding): void {
  if (a.kind === 'signaling' || b.kind === 'signaling') rounding.raise(INVALID);
}

export function noteDenormals(a: Real, b: Real, rounding: Rounding): void {
  if (a.isDenormal || b.isDenormal) rounding.raise(DENORMAL);
}

/** An invalid operation: what it gives. */
export function invalid(format: Format, rounding: Rounding): bigint {
  rounding.raise(INVALID);
  return indefinite(format);
}

/** An operation on two numbers; a NaN, the first of two, is its own result. `calculate` sees everything else. */
function onNumbers(calculate: (format: Format, a: Real, b: Real, rounding: Rounding) => bigint): Operation {
  return (format, aBits, bBits, rounding) => {
    const a = unpack(format, aBits, rounding);
    const b = unpack(format, bBits, rounding);
    noteSignaling(a, b, rounding);
    if (isNan(a)) return quieted(format, aBits);
    if (isNan(b)) return quieted(format, bBits);
    return calculate(format, a, b, rounding);
  };
}

export function negated(real: Real): Real {
  return { ...real, sign: real.sign === 0 ? 1 : 0 };
}

export function sum(format: Format, a: Real, b: Real, rounding: Rounding): bigint {
  if (a.kind === 'infinity' || b.kind === 'infinity') {
    if (a.kind === b.kind && a.sign !== b.sign) return invalid(format, rounding);
    noteDenormals(a, b, rounding);
    return infinity(format, a.kind === 'infinity' ? a.sign : b.sign);
  }
  noteDenormals(a, b, rounding);
  const exponent = Math.min(a.exponent, b.exponent);
  const scaled = (real: Real): bigint => {
    const significand = real.significand << BigInt(real.exponent - exponent);
    return real.sign === 1 ? -significand : significand;
  };
  const total = scaled(a) + scaled(b);
  if (total !== 0n) return round(format, total < 0n ? 1 : 0, total < 0n ? -total : total, exponent, rounding);
  return zero(format, a.sign === b.sign ? a.sign : rounding.mode === ROUND_DOWN ? 1 : 0);
}

export function product(format: Format, a: Real, b: Real, rounding: Rounding): bigint {
  const sign = a.sign === b.sign ? 0 : 1;
  const isInfinite = a.kind === 'infinity' || b.kind === 'infinity';
  if (isInfinite && (a.kind === 'zero' || b.kind === 'zero')) return invalid(format, rounding);
  noteDenormals(a, b, rounding);
  if (isInfinite) return infinity(format, sign);
  if (a.kind === 'zero' || b.kind === 'zero') return zero(format, sign);
  return round(format, sign, a.significand * b.significand, a.exponent + b.exponent, rounding);
}

export function quotient(format: Format, a: Real, b: Real, rounding: Rounding): bigint {
  const sign = a.sign === b.sign ? 0 : 1;
  if (a.kind === b.kind && a.kind !== 'finite') return invalid(format, rounding);
  if (b.kind === 'zero' && a.kind === 'finite') {
    rounding.raise(DIVIDE_BY_ZERO);
    return infinity(format, sign);
  }
  noteDenormals(a, b, rounding);
  if (a.kind === 'infinity' || b.kind === 'zero') return infinity(format, sign);
  if (a.kind === 'zero' || b.kind === 'infinity') return zero(format, sign);
  const shift = Math.max(0, format.precision + 2 + bitLength(b.significand) - bitLength(a.significand));
  const dividend = a.significand << BigInt(shift);
  const whole = dividend / b.significand;
  const isInexact = whole * b.significand !== dividend;
  return round(format, sign, sticky(whole, isInexact), a.exponent - b.exponent - shift - 1, rounding);
}

/** Appends a bit that stands for all that follow. */
export function sticky(value: bigint, isInexact: boolean): bigint {
  return (value << 1n) | (isInexact ? 1n : 0n);
}

export const add: Operation = onNumbers(sum);
export const subtract: Operation = onNumbers((format, a, b, rounding) => sum(format, a, negated(b), rounding));
export const multiply: Operation = onNumbers(product);
export const divide: Operation = onNumbers(quotient);

/** The largest integer whose square is not more than `value`. */
export function integerSquareRoot(value: bigint): bigint {
  let root = 1n << BigInt((bitLength(value) + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

export function squareRoot(format: Format, bits: bigint, rounding: Rounding): bigint {
  const real = unpack(format, bits, rounding);
  noteSignaling(real, real, rounding);
  return isNan(real) ? quieted(format, bits) : root(format, real, rounding);
}

/** The square root of what is no NaN. */
export function root(format: Format, real: Real, rounding: Rounding): bigint {
  if (real.kind === 'zero') return zero(format, real.sign);
  if (real.sign === 1) return invalid(format, rounding);
  if (real.kind === 'infinity') return infinity(format, 0);
  noteDenormals(real, real, rounding);
  const shift = 2 * format.precision + 4 + (real.exponent & 1);
  const radicand = real.significand << BigInt(shift);
  const whole = integerSquareRoot(radicand);
  return round(format, 0, sticky(whole, whole * whole !== radicand), (real.exponent - shift) / 2 - 1, rounding);
}

/** ROUNDSD and its kin: the next integer. `isExact`: whether it is another number is not flagged. */
export function roundToInteger(
  format: Format,
  bits: bigint,
  mode: number,
  isExact: boolean,
  rounding: Rounding,
): bigint {
  const real = unpack(format, bits, rounding);
  noteSignaling(real, real, rounding);
  if (isNan(real)) return quieted(format, bits);
  if (real.kind === 'infinity') return bits;
  if (real.kind === 'zero') return zero(format, real.sign);
  const { value, ...rounded } = toInteger(real, mode);
  if (!isExact) rounding.note(rounded);
  if (value === 0n) return zero(format, real.sign);
  return round(format, real.sign, value < 0n ? -value : value, 0, rounding);
}

// ---- Comparisons

export type Relation = 'less' | 'equal' | 'greater' | 'unordered';

/** Compares; with `quietIsInvalid` any NaN is an invalid operand, else only a signaling one. */
export function compare(format: Format, a: bigint, b: bigint, rounding: Rounding, quietIsInvalid: boolean): Relation {
  const left = unpack(format, a, rounding);
  const right = unpack(format, b, rounding);
  noteSignaling(left, right, rounding);
  if (isNan(left) || isNan(right)) {
    if (quietIsInvalid) rounding.raise(INVALID);
    return 'unordered';
  }
  noteDenormals(left, right, rounding);
  return order(format, left, right);
}

/** How two numbers of a format, or of one within it, compare. */
export function order(format: Format, left: Real, right: Real): Exclude<Relation, 'unordered'> {
  const difference = ordinal(format, left) - ordinal(format, right);
  return difference < 0n ? 'less' : difference > 0n ? 'greater' : 'equal';
}

/** An integer that orders numbers as they are ordered. */
function ordinal({ largest, smallest, precision }: Format, { kind, sign, significand, exponent }: Real): bigint {
  const lowest = smallest - (precision - 1);
  const magnitude =
    kind === 'infinity'
      ? 1n << BigInt(largest - lowest + 2)
      : kind === 'zero'
        ? 0n
        : significand << BigInt(exponent - lowest);
  return sign === 1 ? -magnitude : magnitude;
}

/** MIN and MAX: the first operand if it is on the wanted side of the second, else the second, whatever it is. */
function chosen(wanted: Relation): Operation {
  return (format, a, b, rounding) => {
    const isFirst = compare(format, a, b, rounding, true) === wanted;
    const bits = isFirst ? a : b;
    const real = unpack(format, bits, rounding);
    return real.kind === 'zero' ? zero(format, real.sign) : bits;
  };
}

export const minimum = chosen('less');
export const maximum = chosen('greater');

// ---- Conversions

/** To an integer of `width` bits; what does not fit is invalid and becomes the most negative one. */
export function convertToInteger(
  format: Format,
  bits: bigint,
  width: number,
  mode: number,
  rounding: Rounding,
): bigint {
  return integerOf(unpack(format, bits, rounding), width, mode, rounding);
}

/** The same of a number that has been taken apart, or of a NaN. */
export function integerOf(real: Real, width: number, mode: number, rounding: Rounding): bigint {
  const isNumber = real.kind === 'finite' || real.kind === 'zero';
  const { value, ...rounded } = isNumber ? toInteger(real, mode) : { value: 0n, isInexact: false, isAway: false };
  if (!isNumber || BigInt.asIntN(width, value) !== value) {
    rounding.raise(INVALID);
    return 1n << BigInt(width - 1);
  }
  rounding.note(rounded);
  return BigInt.asUintN(width, value);
}

/** From a signed integer. */
export function convertFromInteger(format: Format, value: bigint, rounding: Rounding): bigint {
  if (value === 0n) return zero(format, 0);
  return round(format, value < 0n ? 1 : 0, value < 0n ? -value : value, 0, rounding);
}

/** From one precision to another. */
export function convertPrecision(from: Format, to: Format, bits: bigint, rounding: Rounding): bigint {
  const real = unpack(from, bits, rounding);
  noteSignaling(real, real, rounding);
  if (isNan(real)) return convertNan(from, to, bits, real.sign);
  if (real.kind === 'infinity') return infinity(to, real.sign);
  if (real.kind === 'zero') return zero(to, real.sign);
  noteDenormals(real, real, rounding);
  return round(to, real.sign, real.significand, real.exponent, rounding);
}

/** The upper bits of the payload stay. */
export function convertNan(from: Format, to: Format, bits: bigint, sign: 0 | 1): bigint {
  return quieted(to, movedPayload(from, to, bits, sign));
}

/** A NaN with the payload of another format's, as quiet or signaling as that; it may become an infinity in a shorter one. */
export function movedPayload(from: Format, to: Format, bits: bigint, sign: 0 | 1): bigint {
  const fraction = bits & ((1n << BigInt(from.leadingBit)) - 1n);
  const shift = to.leadingBit - from.leadingBit;
  return infinity(to, sign) | (shift >= 0 ? fraction << BigInt(shift) : fraction >> BigInt(-shift));
}

// ---- Approximations

/** Bits of the significands of approximations: their relative error is at most 1.5 * 2^-12. */
const APPROXIMATE_PRECISION = 13;

/** RCPPS and RSQRTPS: denormals count as zeros, nothing is raised. `exact` gives a significand and its exponent. */
function approximate(
  format: Format,
  bits: bigint,
  rounding: Rounding,
  exact: (real: Real) => { significand: bigint; exponent: number } | null,
): bigint {
  const real = unpack(format, bits, rounding);
  if (isNan(real)) return quieted(format, bits);
  if (real.kind === 'zero' || real.isDenormal) return infinity(format, real.sign);
  const result = exact(real);
  if (result === null) return indefinite(format);
  if (real.kind === 'infinity') return zero(format, real.sign);
  const drop = bitLength(result.significand) - APPROXIMATE_PRECISION;
  const significand = (result.significand >> BigInt(drop)) << BigInt(drop);
  const isTiny = result.exponent + bitLength(significand) - 1 < format.smallest;
  return isTiny ? zero(format, real.sign) : round(format, real.sign, significand, result.exponent, rounding);
}

const GUARD = 64;

export function approximateReciprocal(format: Format, bits: bigint, rounding: Rounding): bigint {
  return approximate(format, bits, rounding, ({ significand, exponent }) => ({
    significand: significand === 0n ? 0n : (1n << BigInt(GUARD)) / significand,
    exponent: -exponent - GUARD,
  }));
}

export function approximateReciprocalRoot(format: Format, bits: bigint, rounding: Rounding): bigint {
  return approximate(format, bits, rounding, ({ sign, significand, exponent }) => {
    if (sign === 1) return null;
    const odd = exponent & 1;
    const inverse = significand === 0n ? 0n : (1n << BigInt(2 * GUARD)) / (significand << BigInt(odd));
    return { significand: inverse === 0n ? 0n : integerSquareRoot(inverse), exponent: -(exponent - odd) / 2 - GUARD };
  });
}
