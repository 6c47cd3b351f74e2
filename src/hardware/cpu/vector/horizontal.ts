/** SSSE3: operations on neighbouring elements, bytes in any order, signs and absolute values (SDM vol. 2). */
import { Mnemonic } from 'iced-x86';
import type { Handler, HandlerTable } from '../slow/handler.js';
import type { LaneType } from './lanes.js';
import { immediate, packed, source, target } from './operands.js';

/** An operation on neighbours: those of the first operand give the lower half of the result, the others the upper one. */
function neighbours(type: LaneType, operate: (low: number, high: number) => number): Handler {
  return packed((size) => {
    const lanes = size / target[type].BYTES_PER_ELEMENT;
    const values = [...target[type].subarray(0, lanes), ...source[type].subarray(0, lanes)];
    for (let lane = 0; lane < lanes; lane++) target[type][lane] = operate(values[2 * lane], values[2 * lane + 1]);
  });
}

function saturated(value: number): number {
  return Math.min(Math.max(value, -0x8000), 0x7fff);
}

const shuffleBytes = packed((size) => {
  const old = target.u8.slice();
  for (let byte = 0; byte < size; byte++) {
    const selector = source.u8[byte];
    target.u8[byte] = selector >= 0x80 ? 0 : old[selector & (size - 1)];
  }
});

/** PMADDUBSW: unsigned bytes times signed bytes, in pairs. */
const multiplyAddBytes = packed((size) => {
  for (let lane = 0; 2 * lane < size; lane++) {
    const at = 2 * lane;
    // The word may overwrite its own bytes only: they have been read.
    target.i16[lane] = saturated(target.u8[at] * source.i8[at] + target.u8[at + 1] * source.i8[at + 1]);
  }
});

/** PMULHRSW: the upper half of the product, rounded. */
const multiplyRounded = packed((size) => {
  for (let lane = 0; 2 * lane < size; lane++) {
    target.i16[lane] = (((target.i16[lane] * source.i16[lane]) >> 14) + 1) >> 1;
  }
});

/** PALIGNR: bytes out of the first operand behind the second. */
const align = packed((size, instruction) => {
  const bytes = [...source.u8.subarray(0, size), ...target.u8.subarray(0, size)];
  const first = immediate(instruction, 2);
  for (let byte = 0; byte < size; byte++) target.u8[byte] = bytes[first + byte] ?? 0;
});

type Signed = 'i8' | 'i16' | 'i32';

/** Elements with the sign of the second operand's, or 0. */
function sign(type: Signed): Handler {
  return packed((size) => {
    for (let lane = 0; lane * target[type].BYTES_PER_ELEMENT < size; lane++) {
      target[type][lane] = target[type][lane] * Math.sign(source[type][lane]);
    }
  });
}

function absolute(type: Signed): Handler {
  return packed((size) => {
    for (let lane = 0; lane * target[type].BYTES_PER_ELEMENT < size; lane++) {
      target[type][lane] = Math.abs(source[type][lane]);
    }
  });
}

// prettier-ignore
export const HORIZONTAL: HandlerTable = [
  [Mnemonic.Phaddw,    neighbours('i16', (low, high) => low + high)],
  [Mnemonic.Phaddd,    neighbours('i32', (low, high) => low + high)],
  [Mnemonic.Phaddsw,   neighbours('i16', (low, high) => saturated(low + high))],
  [Mnemonic.Phsubw,    neighbours('i16', (low, high) => low - high)],
  [Mnemonic.Phsubd,    neighbours('i32', (low, high) => low - high)],
  [Mnemonic.Phsubsw,   neighbours('i16', (low, high) => saturated(low - high))],
  [Mnemonic.Pshufb,    shuffleBytes],
  [Mnemonic.Pmaddubsw, multiplyAddBytes],
  [Mnemonic.Pmulhrsw,  multiplyRounded],
  [Mnemonic.Palignr,   align],
  [Mnemonic.Psignb,    sign('i8')],
  [Mnemonic.Psignw,    sign('i16')],
  [Mnemonic.Psignd,    sign('i32')],
  [Mnemonic.Pabsb,     absolute('i8')],
  [Mnemonic.Pabsw,     absolute('i16')],
  [Mnemonic.Pabsd,     absolute('i32')],
];
