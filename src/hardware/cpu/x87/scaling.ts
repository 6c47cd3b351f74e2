/** FPREM, FPREM1, FSCALE and FXTRACT (SDM vol. 2). */
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
import { C0, C1, C2, C3, INDEFINITE, x87, type X87Operation } from './operation.js';

/** Larger differences of exponents are reduced in several steps, by this many bits or up to as many more less one. */
const STEP_BITS = 32;
const WHOLE = 64;
/** More than any exponent. */
const LARGEST_SCALE = 0x10000n;

/** Exponent of the leading one. */
function magnitude({ significand, exponent }: Real): number {
  return exponent + bitLength(significand) - 1;
}

// ---- Remainders

/** ST(0) becomes a function of itself and of ST(1); condition codes in `cleared` become 0 whatever happens. */
function withNext(calculate: (a: Real, b: Real, operation: X87Operation) => bigint, cleared = 0): Handler {
  return x87((operation) => {
    operation.setConditions(cleared, 0);
    if (operation.lacks(0, 1)) {
      operation.write(0, INDEFINITE);
      return;
    }
    const [a, b] = [0, 1].map((number) => extended(operation.read(number)));
    operation.write(0, exceptional(a, b, operation.rounding) ?? calculate(a.real, b.real, operation));
  });
}

/** ST(0) less a multiple of ST(1); `nearest`: the multiple that is next to it, not the one below. */
function remainder(nearest: boolean): Handler {
  return withNext((a, b, operation) => remainderOf(a, b, nearest, operation), C2);
}

function remainderOf(a: Real, b: Real, nearest: boolean, operation: X87Operation): bigint {
  const { rounding } = operation;
  if (a.kind === 'infinity' || b.kind === 'zero') return invalid(EXTENDED, rounding);
  noteDenormals(a, b, rounding);
  if (operation.isStopped) return INDEFINITE;
  operation.setConditions(C0 | C1 | C2 | C3, 0);
  if (a.kind === 'zero') return exact(a);
  if (b.kind === 'infinity') return round(EXTENDED, a.sign, a.significand, a.exponent, rounding);
  const distance = magnitude(a) - magnitude(b);
  return distance < WHOLE ? wholeRemainder(a, b, nearest, operation) : partialRemainder(a, b, distance, operation);
}

function wholeRemainder(a: Real, b: Real, nearest: boolean, operation: X87Operation): bigint {
  const exponent = Math.min(a.exponent, b.exponent);
  const dividend = a.significand << BigInt(a.exponent - exponent);
  const divisor = b.significand << BigInt(b.exponent - exponent);
  let quotient = dividend / divisor;
  let rest = dividend % divisor;
  const isNextNearer = 2n * rest > divisor || (2n * rest === divisor && (quotient & 1n) === 1n);
  if (nearest && isNextNearer) {
    quotient += 1n;
    rest -= divisor;
  }
  const bit = (number: bigint, code: number): number => (((quotient >> number) & 1n) === 1n ? code : 0);
  operation.setConditions(C0 | C1 | C2 | C3, bit(2n, C0) | bit(0n, C1) | bit(1n, C3));
  return signed(a, rest, exponent, operation.rounding);
}

/** Takes between 32 and 63 bits off the difference of the exponents. */
function partialRemainder(a: Real, b: Real, distance: number, operation: X87Operation): bigint {
  const taken = STEP_BITS + (distance % STEP_BITS);
  const divisorExponent = b.exponent + distance - taken;
  const exponent = Math.min(a.exponent, divisorExponent);
  const dividend = a.significand << BigInt(a.exponent - exponent);
  const divisor = b.significand << BigInt(divisorExponent - exponent);
  operation.setConditions(C0 | C1 | C2 | C3, C2);
  return signed(a, dividend % divisor, exponent, operation.rounding);
}

/** A remainder, which is exact, with the sign of the dividend. */
function signed({ sign }: Real, rest: bigint, exponent: number, rounding: Rounding): bigint {
  if (rest === 0n) return zero(EXTENDED, sign);
  const isOther = rest < 0n;
  return round(EXTENDED, isOther ? (sign === 0 ? 1 : 0) : sign, isOther ? -rest : rest, exponent, rounding);
}

// ---- Powers of two

function scaled(a: Real, b: Real, { rounding }: X87Operation): bigint {
  const isLarge = b.kind === 'infinity';
  if (isLarge && a.kind === (b.sign === 0 ? 'zero' : 'infinity')) return invalid(EXTENDED, rounding);
  noteDenormals(a, b, rounding);
  if (isLarge) return b.sign === 0 ? infinity(EXTENDED, a.sign) : zero(EXTENDED, a.sign);
  if (a.kind !== 'finite') return exact(a);
  return round(EXTENDED, a.sign, a.significand, a.exponent + scaleOf(b), rounding);
}

/** A number without its fraction, or one that is as good. */
function scaleOf({ kind, sign, significand, exponent }: Real): number {
  if (kind === 'zero') return 0;
  const whole = exponent > 0 ? LARGEST_SCALE : significand >> BigInt(-exponent);
  return Number(whole < LARGEST_SCALE ? whole : LARGEST_SCALE) * (sign === 1 ? -1 : 1);
}

/** Exponent and significand of a number. */
function parts(real: Real, rounding: Rounding): readonly [exponent: bigint, significand: bigint] {
  if (real.kind === 'infinity') return [infinity(EXTENDED, 0), exact(real)];
  if (real.kind === 'zero') {
    rounding.raise(DIVIDE_BY_ZERO);
    return [infinity(EXTENDED, 1), exact(real)];
  }
  noteDenormals(real, real, rounding);
  const exponent = 1 - bitLength(real.significand);
  return [fromInteger(BigInt(magnitude(real))), exact({ ...real, exponent })];
}

const extract = x87((operation) => {
  const { rounding } = operation;
  if (operation.lacks(0) || operation.isFull()) {
    operation.write(0, INDEFINITE);
    operation.push(INDEFINITE);
    return;
  }
  const source = extended(operation.read(0));
  const nan = exceptional(source, source, rounding);
  const [exponent, significand] = nan === null ? parts(source.real, rounding) : [nan, nan];
  operation.write(0, exponent);
  operation.push(significand);
});

export const X87_SCALING: HandlerTable = [
  [Mnemonic.Fprem, remainder(false)],
  [Mnemonic.Fprem1, remainder(true)],
  [Mnemonic.Fscale, withNext(scaled)],
  [Mnemonic.Fxtract, extract],
];
