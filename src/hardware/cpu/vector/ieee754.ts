/**
 * Numbers of IEEE 754 in single, double and double extended precision, exactly: taken apart, and put together again with
 * the rounding and the exceptions of MXCSR or of the x87 control word (SDM vol. 1, 4.8, 8.5 and 11.5). Tininess is
 * detected after rounding. What is no number of its format (SDM vol. 1, 8.2.2) is for the caller to find.
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
  /** Bits that a significand is rounded to, with the leading one. */
  readonly precision: number;
  /** Bits of a stored significand, and the number of the leading one's, which is not stored where there are no more. */
  readonly significandBits: number;
  readonly leadingBit: number;
  readonly exponentBits: number;
  /** Largest and smallest exponent of a normal number 1.xxx * 2^exponent. */
  readonly largest: number;
  readonly smallest: number;
}

export const SINGLE: Format = {
  ...{ precision: 24, significandBits: 23, leadingBit: 23, exponentBits: 8, largest: 127, smallest: -126 },
};
export const DOUBLE: Format = {
  ...{ precision: 53, significandBits: 52, leadingBit: 52, exponentBits: 11, largest: 1023, smallest: -1022 },
};
/** The format of the x87 registers. */
export const EXTENDED: Format = {
  ...{ precision: 64, significandBits: 64, leadingBit: 63, exponentBits: 15, largest: 16383, smallest: -16382 },
};

/** (-1)^sign * significand * 2^exponent, or what is not a number of that kind. */
export interface Real {
  readonly kind: 'zero' | 'finite' | 'infinity' | 'quiet' | 'signaling';
  readonly sign: 0 | 1;
  readonly significand: bigint;
  readonly exponent: number;
  readonly isDenormal: boolean;
}

interface RoundingControl {
  /** ROUND_*. */
  readonly mode: number;
  /** Exceptions that are masked. */
  readonly masks: number;
  readonly denormalsAreZeros?: boolean;
  readonly flushesToZero?: boolean;
}

/** How results are wanted, and the exceptions of one result. */
export class Rounding {
  readonly mode: number;
  readonly masks: number;
  readonly denormalsAreZeros: boolean;
  /** Flush-to-zero counts only while underflow is masked. */
  readonly flushesToZero: boolean;
  flags = 0;
  /** Whether rounding has made the last inexact result larger in magnitude. */
  isAway = false;

  constructor({ mode, masks, denormalsAreZeros = false, flushesToZero = false }: RoundingControl) {
    this.mode = mode;
    this.masks = masks;
    this.denormalsAreZeros = denormalsAreZeros;
    this.flushesToZero = flushesToZero && (masks & UNDERFLOW) !== 0;
  }

  raise(flags: number): void {
    this.flags |= flags;
  }

  /** The loss of precision, if there is one. */
  note({ isInexact, isAway }: Pick<Rounded, 'isInexact' | 'isAway'>): void {
    if (!isInexact) return;
    this.raise(PRECISION);
    this.isAway = isAway;
  }
}

/** How MXCSR wants results. */
export function roundingOfMxcsr(mxcsr: number): Rounding {
  return new Rounding({
    mode: (mxcsr >>> ROUNDING_SHIFT) & 3,
    masks: (mxcsr >>> MASK_SHIFT) & ALL_EXCEPTIONS,
    denormalsAreZeros: (mxcsr & DENORMALS_ARE_ZEROS) !== 0,
    flushesToZero: (mxcsr & FLUSH_TO_ZERO) !== 0,
  });
}

function ones(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

export function bitLength(value: bigint): number {
  return value.toString(2).length;
}

/** Takes a number apart. With denormals-are-zeros there are no denormals. */
export function unpack(format: Format, bits: bigint, rounding: Pick<Rounding, 'denormalsAreZeros'>): Real {
  const { significandBits, leadingBit, exponentBits, smallest } = format;
  const stored = bits & ones(significandBits);
  const fraction = stored & ones(leadingBit);
  const biased = Number((bits >> BigInt(significandBits)) & ones(exponentBits));
  const sign = bits >> BigInt(significandBits + exponentBits) === 0n ? 0 : 1;
  const real = (kind: Real['kind'], significand = 0n, exponent = 0, isDenormal = false): Real => ({
    ...{ kind, sign, significand, exponent, isDenormal },
  });
  if (biased === Number(ones(exponentBits))) {
    if (fraction === 0n) return real('infinity');
    return real(fraction >> BigInt(leadingBit - 1) === 0n ? 'signaling' : 'quiet');
  }
  const exponent = Math.max(biased, 1) - 1 + smallest - leadingBit;
  if (biased !== 0) return real('finite', fraction | (1n << BigInt(leadingBit)), exponent);
  if (stored === 0n || rounding.denormalsAreZeros) return real('zero');
  return real('finite', stored, exponent, true);
}

/** Puts together kept * 2^exponent; `kept` has at most the bits of the precision, or is the power of two above them. */
function pack(format: Format, sign: 0 | 1, kept: bigint, exponent: number): bigint {
  const { precision, significandBits, leadingBit, smallest } = format;
  const aligned = kept << BigInt(leadingBit - (precision - 1));
  const carry = aligned >> BigInt(leadingBit + 1);
  const significand = aligned >> carry;
  const isNormal = significand >> BigInt(leadingBit);
  const biased = BigInt(exponent - (smallest - (precision - 1))) + carry + isNormal;
  return signBit(format, sign) | (biased << BigInt(significandBits)) | (significand & ones(significandBits));
}

function signBit({ significandBits, exponentBits }: Format, sign: 0 | 1): bigint {
  return BigInt(sign) << BigInt(significandBits + exponentBits);
}

export function zero(format: Format, sign: 0 | 1): bigint {
  return signBit(format, sign);
}

export function infinity(format: Format, sign: 0 | 1): bigint {
  const { precision, largest } = format;
  return pack(format, sign, 1n << BigInt(precision - 1), largest + 1 - (precision - 1));
}

function largestNumber(format: Format, sign: 0 | 1): bigint {
  const { precision, largest } = format;
  return pack(format, sign, ones(precision), largest - (precision - 1));
}

/** What an invalid operation gives: the negative quiet NaN without a payload. */
export function indefinite(format: Format): bigint {
  return quieted(format, infinity(format, 1));
}

/** A NaN, quiet. */
export function quieted(format: Format, bits: bigint): bigint {
  return bits | (1n << BigInt(format.leadingBit - 1));
}

interface Rounded {
  readonly kept: bigint;
  readonly isInexact: boolean;
  /** `kept` is larger than what it stands for. */
  readonly isAway: boolean;
}

/** `significand` without its last `drop` bits, rounded. */
function dropBits(significand: bigint, drop: number, sign: 0 | 1, mode: number): Rounded {
  if (drop <= 0) return { kept: significand << BigInt(-drop), isInexact: false, isAway: false };
  const kept = significand >> BigInt(drop);
  const rest = significand - (kept << BigInt(drop));
  if (rest === 0n) return { kept, isInexact: false, isAway: false };
  const half = 1n << BigInt(drop - 1);
  const isAway = mode === ROUND_NEAREST ? rest > half || (rest === half && (kept & 1n) === 1n) : isModeAway(mode, sign);
  return { kept: isAway ? kept + 1n : kept, isInexact: true, isAway };
}

/** Does a directed rounding lead away from 0? */
function isModeAway(mode: number, sign: 0 | 1): boolean {
  return mode === (sign === 1 ? ROUND_DOWN : ROUND_UP);
}

/** The integer next to significand * 2^exponent, and whether it is another number. */
export function toInteger(real: Real, mode: number): { value: bigint; isInexact: boolean; isAway: boolean } {
  const { kept, ...rounded } = dropBits(real.significand, -real.exponent, real.sign, mode);
  return { value: real.sign === 1 ? -kept : kept, ...rounded };
}

/**
 * The number of `format` next to (-1)^sign * significand * 2^exponent, which is not 0; raises what rounding raises. Overflow
 * and underflow that are not masked give the number that a handler expects, with an exponent of the middle of the range
 * (SDM vol. 1, 4.9.1.4).
 */
export function round(format: Format, sign: 0 | 1, significand: bigint, exponent: number, rounding: Rounding): bigint {
  const { precision, largest, smallest } = format;
  const drop = bitLength(significand) - precision;
  const rounded = dropBits(significand, drop, sign, rounding.mode);
  const top = exponent + drop + bitLength(rounded.kept) - 1;
  if (top > largest) {
    const isMasked = (rounding.masks & OVERFLOW) !== 0;
    return isMasked ? overflow(format, sign, rounding) : scaledDown(format, sign, rounded, exponent + drop, rounding);
  }
  if (top < smallest) {
    const isMasked = (rounding.masks & UNDERFLOW) !== 0;
    return isMasked
      ? underflow(format, sign, significand, exponent, rounding)
      : scaledUp(format, sign, rounded, exponent + drop, rounding);
  }
  rounding.note(rounded);
  return pack(format, sign, rounded.kept, exponent + drop);
}

/** What is added to exponents that are too small and taken from those that are too large. */
function bias({ exponentBits }: Format): number {
  return 3 << (exponentBits - 2);
}

/** Underflow that is not masked; 0 if the number is too small even so. */
function scaledUp(format: Format, sign: 0 | 1, rounded: Rounded, exponent: number, rounding: Rounding): bigint {
  const scaled = exponent + bias(format);
  const isInRange = scaled + bitLength(rounded.kept) > format.smallest;
  rounding.raise(UNDERFLOW);
  rounding.note(isInRange ? rounded : { isInexact: true, isAway: false });
  return isInRange ? pack(format, sign, rounded.kept, scaled) : zero(format, sign);
}

/** Overflow that is not masked; infinity if the number is too large even so. */
function scaledDown(format: Format, sign: 0 | 1, rounded: Rounded, exponent: number, rounding: Rounding): bigint {
  const scaled = exponent - bias(format);
  const isInRange = scaled + bitLength(rounded.kept) - 1 <= format.largest;
  rounding.raise(OVERFLOW);
  rounding.note(isInRange ? rounded : { isInexact: true, isAway: true });
  return isInRange ? pack(format, sign, rounded.kept, scaled) : infinity(format, sign);
}

/** Masked overflow: infinity, or the largest number where rounding does not lead away from 0. */
function overflow(format: Format, sign: 0 | 1, rounding: Rounding): bigint {
  const { mode } = rounding;
  const isAway = mode === ROUND_NEAREST || isModeAway(mode, sign);
  rounding.raise(OVERFLOW);
  rounding.note({ isInexact: true, isAway });
  return isAway ? infinity(format, sign) : largestNumber(format, sign);
}

/** Masked underflow: a denormal number or 0, or the smallest normal one; flagged only if the result is inexact. */
function underflow(format: Format, sign: 0 | 1, significand: bigint, exponent: number, rounding: Rounding): bigint {
  if (rounding.flushesToZero) {
    rounding.raise(UNDERFLOW | PRECISION);
    return zero(format, sign);
  }
  const lowest = format.smallest - (format.precision - 1);
  const rounded = dropBits(significand, lowest - exponent, sign, rounding.mode);
  if (rounded.isInexact) rounding.raise(UNDERFLOW);
  rounding.note(rounded);
  return pack(format, sign, rounded.kept, lowest);
}
