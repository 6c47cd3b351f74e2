/**
 * Fixed-point arithmetic for the transcendental instructions: series on integers that stand for multiples of 2^-256, and the
 * constants that follow from them. Errors stay below 2^-240, so that a result of 64 bits is the rounded one unless 170 bits
 * behind them are alike.
 */
import { integerSquareRoot, sticky } from '../vector/arithmetic.js';
import type { Rounding } from '../vector/ieee754.js';
import { EXTENDED, round } from '../vector/ieee754.js';

export const FRACTION_BITS = 256;
export const ONE = 1n << BigInt(FRACTION_BITS);
/** So often an angle is halved before the series of the arctangent. */
const HALVINGS = 2;

export function multiply(a: bigint, b: bigint): bigint {
  return (a * b) / ONE;
}

export function divide(a: bigint, b: bigint): bigint {
  return (a * ONE) / b;
}

/** 1 + z * (1/3 + z * (1/5 + ...)): atanh(x) / x with z = x^2, atan(x) / x with z = -x^2. */
export function inverseTangentSeries(z: bigint): bigint {
  let sum = 0n;
  let power = ONE;
  for (let divisor = 1n; power !== 0n; divisor += 2n) {
    sum += power / divisor;
    power = multiply(power, z);
  }
  return sum;
}

/** Terms of which each is the one before, times z, divided by the next two factors of a factorial from `first` on. */
function factorialSeries(z: bigint, first: bigint, step: bigint): bigint {
  let sum = 0n;
  let term = ONE;
  for (let factor = first; term !== 0n; factor += step) {
    sum += term;
    term = multiply(term, z) / (step === 2n ? factor * (factor + 1n) : factor);
  }
  return sum;
}

/** sin(x) / x with z = x^2. */
export function sineSeries(z: bigint): bigint {
  return factorialSeries(-z, 2n, 2n);
}

/** cos(x) with z = x^2. */
export function cosineSeries(z: bigint): bigint {
  return factorialSeries(-z, 1n, 2n);
}

/** (e^x - 1) / x. */
export function exponentialSeries(x: bigint): bigint {
  return factorialSeries(x, 2n, 1n);
}

/** atan(x) / x with 0 <= x <= 2. */
export function inverseTangentRatio(x: bigint): bigint {
  let half = x;
  let ratio = ONE;
  for (let count = 0; count < HALVINGS; count++) {
    const divisor = ONE + integerSquareRoot(ONE * (ONE + multiply(half, half)));
    half = divide(half, divisor);
    ratio = divide(2n * ratio, divisor);
  }
  return multiply(ratio, inverseTangentSeries(-multiply(half, half)));
}

/** ln(x) with x near 1. */
export function logarithm(x: bigint): bigint {
  const ratio = divide(x - ONE, x + ONE);
  return 2n * multiply(ratio, inverseTangentSeries(multiply(ratio, ratio)));
}

/** atan(1 / n). */
function inverseTangentOf(n: bigint): bigint {
  return inverseTangentSeries(-ONE / (n * n)) / n;
}

export const PI = 16n * inverseTangentOf(5n) - 4n * inverseTangentOf(239n);
export const LN_2 = 2n * (inverseTangentSeries(ONE / 9n) / 3n);
const LN_10 = 3n * LN_2 + logarithm((5n * ONE) / 4n);
export const LOG2_E = divide(ONE, LN_2);
export const LOG2_10 = divide(LN_10, LN_2);
export const LOG10_2 = divide(LN_2, LN_10);

/** The register value next to significand * 2^exponent, which stands for a number a little larger in magnitude. */
export function roundedUpward(sign: 0 | 1, significand: bigint, exponent: number, rounding: Rounding): bigint {
  return round(EXTENDED, sign, sticky(significand, true), exponent - 1, rounding);
}
