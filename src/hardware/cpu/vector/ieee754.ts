/**
 * Numbers of IEEE 754 in single and double precision, exactly: taken apart, and put together again with the rounding and
 * the exceptions of MXCSR (SDM vol. 1, 4.8 and 11.5). Tininess is detected after rounding.
 */

/** Exception flags, MXCSR bits 5:0; the masks stand seven bits higher. */
export const INVALID = 1 << 0;
export const DENORMAL = 1 << 1;
export const DIVIDE_BY_ZERO = 1 << 2;
export const OVERFLOW = 1 << 3;
export const UNDERFLOW = 1 << 4;
export const PRECISION = 1 << 5;

const DENORMALS_ARE_ZEROS = 1 << 6;
const MASK_SHIFT = 7;
const ALL_EXCEPTIONS = 0x3f;
const ROUNDING_SHIFT = 13;
const FLUSH_TO_ZERO = 1 << 15;

const ROUND_NEAREST = 0;
export const ROUND_DOWN = 1;
const ROUND_UP = 2;
export const ROUND_TO_ZERO = 3;

export interface Format {
  /** Bits of a significand, with the leading one. */
  readonly precision: number;
  readonly exponentBits: number;
  /** Largest and smallest exponent of a normal number 1.xxx * 2^exponent. */
  readonly largest: number;
  readonly smallest: number;
}

export const SINGLE: Format = { precision: 24, exponentBits: 8, largest: 127, smallest: -126 };
export const DOUBLE: Format = { precision: 53, exponentBits: 11, largest: 1023, smallest: -1022 };

/** (-1)^sign * significand * 2^exponent, or what is not a number of that kind. */
export interface Real {
  readonly kind: 'zero' | 'finite' | 'infinity' | 'quiet' | 'signaling';
  readonly sign: 0 | 1;
  readonly significand: bigint;
  readonly exponent: number;
  readonly isDenormal: boolean;
}

/** How MXCSR wants results, and the exceptions of one result. */
export class Rounding {
  readonly #mxcsr: number;
  flags = 0;

  constructor(mxcsr: number) {
    this.#mxcsr = mxcsr;
  }

  get mode(): number {
    return (this.#mxcsr >>> ROUNDING_SHIFT) & 3;
  }

  get masks(): number {
    return (this.#mxcsr >>> MASK_SHIFT) & ALL_EXCEPTIONS;
  }

  get denormalsAreZeros(): boolean {
    return (this.#mxcsr & DENORMALS_ARE_ZEROS) !== 0;
  }

  /** Flush-to-zero counts only while underflow is masked. */
  get flushesToZero(): boolean {
    return (this.#mxcsr & FLUSH_TO_ZERO) !== 0 && (this.masks & UNDERFLOW) !== 0;
  }

  raise(flags: number): void {
    this.flags |= flags;
  }
}

function ones(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

export function bitLength(value: bigint): number {
  return value.toString(2).length;
}

/** Takes a number apart. With denormals-are-zeros there are no denormals. */
export function unpack(format: Format, bits: bigint, rounding: Rounding): Real {
  const { precision, exponentBits, smallest } = format;
  const fraction = bits & ones(precision - 1);
  const biased = Number((bits >> BigInt(precision - 1)) & ones(exponentBits));
  const sign = bits >> BigInt(precision - 1 + exponentBits) === 0n ? 0 : 1;
  const real = (kind: Real['kind'], significand = 0n, exponent = 0, isDenormal = false): Real => ({
    ...{ kind, sign, significand, exponent, isDenormal },
  });
  if (biased === Number(ones(exponentBits))) {
    if (fraction === 0n) return real('infinity');
    return real(fraction >> BigInt(precision - 2) === 0n ? 'signaling' : 'quiet');
  }
  const exponent = Math.max(biased, 1) - 1 + smallest - (precision - 1);
  if (biased !== 0) return real('finite', fraction | (1n << BigInt(precision - 1)), exponent);
  if (fraction === 0n || rounding.denormalsAreZeros) return real('zero');
  return real('finite', fraction, exponent, true);
}

function signBit({ precision, exponentBits }: Format, sign: 0 | 1): bigint {
  return BigInt(sign) << BigInt(precision - 1 + exponentBits);
}

export function zero(format: Format, sign: 0 | 1): bigint {
  return signBit(format, sign);
}

export function infinity(format: Format, sign: 0 | 1): bigint {
  return signBit(format, sign) | (ones(format.exponentBits) << BigInt(format.precision - 1));
}

/** What an invalid operation gives: the negative quiet NaN without a payload. */
export function indefinite(format: Format): bigint {
  return quieted(format, infinity(format, 1));
}

/** A NaN, quiet. */
export function quieted(format: Format, bits: bigint): bigint {
  return bits | (1n << BigInt(format.precision - 2));
}

/** `significand` without its last `drop` bits, rounded, and whether that is another number. */
function dropBits(significand: bigint, drop: number, sign: 0 | 1, mode: number): { kept: bigint; isInexact: boolean } {
  if (drop <= 0) return { kept: significand << BigInt(-drop), isInexact: false };
  const kept = significand >> BigInt(drop);
  const rest = significand - (kept << BigInt(drop));
  if (rest === 0n) return { kept, isInexact: false };
  const half = 1n << BigInt(drop - 1);
  const isAway =
    mode === ROUND_NEAREST
      ? rest > half || (rest === half && (kept & 1n) === 1n)
      : mode === (sign === 1 ? ROUND_DOWN : ROUND_UP);
  return { kept: isAway ? kept + 1n : kept, isInexact: true };
}

/** The integer next to significand * 2^exponent, and whether it is another number. */
export function toInteger(real: Real, mode: number): { value: bigint; isInexact: boolean } {
  const { kept, isInexact } = dropBits(real.significand, -real.exponent, real.sign, mode);
  return { value: real.sign === 1 ? -kept : kept, isInexact };
}

/** The number of `format` next to (-1)^sign * significand * 2^exponent, which is not 0; raises what rounding raises. */
export function round(format: Format, sign: 0 | 1, significand: bigint, exponent: number, rounding: Rounding): bigint {
  const { precision, largest, smallest } = format;
  const drop = bitLength(significand) - precision;
  const { kept, isInexact } = dropBits(significand, drop, sign, rounding.mode);
  const top = exponent + drop + bitLength(kept) - 1;
  if (top > largest) return overflow(format, sign, isInexact, rounding);
  if (top < smallest) return underflow(format, sign, significand, exponent, rounding);
  if (isInexact) rounding.raise(PRECISION);
  const biased = BigInt(exponent + drop + precision - 1 - smallest);
  return signBit(format, sign) + (biased << BigInt(precision - 1)) + kept;
}

/** Infinity, or the largest number where rounding does not lead away from 0. */
function overflow(format: Format, sign: 0 | 1, isInexact: boolean, rounding: Rounding): bigint {
  const isMasked = (rounding.masks & OVERFLOW) !== 0;
  rounding.raise(OVERFLOW | (isMasked || isInexact ? PRECISION : 0));
  const { mode } = rounding;
  const isAway = mode === ROUND_NEAREST || mode === (sign === 1 ? ROUND_DOWN : ROUND_UP);
  return isAway ? infinity(format, sign) : infinity(format, sign) - 1n;
}

/** A denormal number or 0, or the smallest normal one. Masked underflow is flagged only if the result is inexact. */
function underflow(format: Format, sign: 0 | 1, significand: bigint, exponent: number, rounding: Rounding): bigint {
  if (rounding.flushesToZero) {
    rounding.raise(UNDERFLOW | PRECISION);
    return zero(format, sign);
  }
  const drop = format.smallest - (format.precision - 1) - exponent;
  const { kept, isInexact } = dropBits(significand, drop, sign, rounding.mode);
  if (isInexact) rounding.raise(UNDERFLOW | PRECISION);
  else if ((rounding.masks & UNDERFLOW) === 0) rounding.raise(UNDERFLOW);
  return signBit(format, sign) + kept;
}
