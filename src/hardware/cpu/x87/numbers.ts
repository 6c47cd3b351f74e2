/**
 * Operands of x87 instructions: numbers of all formats, and what becomes of NaNs and of encodings that are no numbers (SDM
 * vol. 1, 4.8.3.5 and 8.2.2).
 */
import { invalid, isNan, movedPayload, noteSignaling } from '../vector/arithmetic.js';
import { EXTENDED, quieted, round, Rounding, unpack, type Format, type Real } from '../vector/ieee754.js';

/** An operand. */
export interface Source {
  readonly real: Real;
  /** In the format of the registers. */
  readonly bits: bigint;
  /** The leading bit of the significand is missing: an invalid operand. */
  readonly isUnsupported: boolean;
}

/** An operation on two operands that are no NaNs. */
export type Calculation = (format: Format, a: Real, b: Real, rounding: Rounding) => bigint;

const NO_CONTROL = { denormalsAreZeros: false };
const SIGNIFICAND = (1n << 64n) - 1n;
const LEADING_BIT = 1n << 63n;
const EXPONENT = 0x7fffn << 64n;

export function isNegative(bits: bigint): boolean {
  return bits >> 79n !== 0n;
}

/** What the bits of a register stand for. */
export function extended(bits: bigint): Source {
  const isUnsupported = (bits & LEADING_BIT) === 0n && (bits & EXPONENT) !== 0n;
  return { real: unpack(EXTENDED, bits, NO_CONTROL), bits, isUnsupported };
}

/** A number of a shorter format. */
export function widened(format: Format, bits: bigint): Source {
  const real = unpack(format, bits, NO_CONTROL);
  return {
    real,
    bits: isNan(real) ? movedPayload(format, EXTENDED, bits, real.sign) : exact(real),
    isUnsupported: false,
  };
}

/** A signed integer. */
export function integer(value: bigint): Source {
  const bits = fromInteger(value);
  return { real: unpack(EXTENDED, bits, NO_CONTROL), bits, isUnsupported: false };
}

/** An integer of no more than 64 bits as a register holds it. */
export function fromInteger(value: bigint): bigint {
  const [sign, significand] = value < 0n ? ([1, -value] as const) : ([0, value] as const);
  const kind = value === 0n ? 'zero' : 'finite';
  return exact({ kind, sign, significand, exponent: 0, isDenormal: false });
}

/** A number, 0 or infinity that a register can hold. */
export function exact({ kind, sign, significand, exponent }: Real): bigint {
  const signed = BigInt(sign) << 79n;
  if (kind === 'zero') return signed;
  if (kind === 'infinity') return signed | EXPONENT | LEADING_BIT;
  return round(EXTENDED, sign, significand, exponent, new Rounding({ mode: 0, masks: 0x3f }));
}

/**
 * What an operation gives that has a NaN or an unsupported operand, or null: of two NaNs a quiet one rather than a signaling
 * one, then the one with the larger significand, then the positive one.
 */
export function exceptional(a: Source, b: Source, rounding: Rounding): bigint | null {
  if (a.isUnsupported || b.isUnsupported) return invalid(EXTENDED, rounding);
  noteSignaling(a.real, b.real, rounding);
  const nans = [a, b].filter(({ real }) => isNan(real));
  const quiet = nans.filter(({ real }) => real.kind === 'quiet');
  const [first, second = first] = quiet.length === 1 ? quiet : nans;
  if (nans.length === 0) return null;
  return quieted(EXTENDED, isPreferred(second.bits, first.bits) ? second.bits : first.bits);
}

function isPreferred(candidate: bigint, to: bigint): boolean {
  const difference = (candidate & SIGNIFICAND) - (to & SIGNIFICAND);
  return difference === 0n ? !isNegative(candidate) : difference > 0n;
}

/** The result of an operation on two operands, whatever they are. */
export function binary(calculate: Calculation, format: Format, a: Source, b: Source, rounding: Rounding): bigint {
  return exceptional(a, b, rounding) ?? calculate(format, a.real, b.real, rounding);
}
