/** FBLD and FBSTP: integers of 18 decimal digits and a sign (SDM vol. 1, 4.7; vol. 2). */
import { Mnemonic } from 'iced-x86';
import { ACCESS_READ, ACCESS_WRITE } from '../layout.js';
import type { HandlerTable } from '../slow/handler.js';
import { INVALID, toInteger } from '../vector/ieee754.js';
import { extended, fromInteger, type Source } from './numbers.js';
import { INDEFINITE, x87, type X87Operation } from './operation.js';

const DIGITS = 18;
const LIMIT = 10n ** BigInt(DIGITS);
const SIGN = 1n << 79n;
/** What is stored for what has no such form. */
const PACKED_INDEFINITE = 0xffff_c000_0000_0000_0000n;

/** Digits above 9, which are undefined, count as what their bits say. */
function unpackDigits(packed: bigint): bigint {
  let magnitude = 0n;
  for (let digit = DIGITS - 1; digit >= 0; digit--) magnitude = magnitude * 10n + ((packed >> BigInt(4 * digit)) & 15n);
  return fromInteger(magnitude) | (packed & SIGN);
}

function packDigits({ real, isUnsupported }: Source, { rounding }: X87Operation): bigint {
  const sign = real.sign === 1 ? SIGN : 0n;
  if (real.kind === 'zero') return sign;
  const isNumber = real.kind === 'finite' && !isUnsupported;
  const { value, ...rounded } = toInteger(real, rounding.mode);
  const magnitude = value < 0n ? -value : value;
  if (!isNumber || magnitude >= LIMIT) {
    rounding.raise(INVALID);
    return PACKED_INDEFINITE;
  }
  rounding.note(rounded);
  return BigInt(`0x${magnitude.toString()}`) | sign;
}

export const PACKED_DECIMAL: HandlerTable = [
  [
    Mnemonic.Fbld,
    x87((operation) => {
      operation.push(operation.isFull() ? INDEFINITE : unpackDigits(operation.load()));
    }, ACCESS_READ),
  ],
  [
    Mnemonic.Fbstp,
    x87((operation) => {
      operation.store(operation.lacks(0) ? PACKED_INDEFINITE : packDigits(extended(operation.read(0)), operation));
      operation.pop();
    }, ACCESS_WRITE),
  ],
];
