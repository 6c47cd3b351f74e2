/** Operations on packed integers of MMX, SSE2 and SSE4, and the bitwise operations of all of them (SDM vol. 2). */
import { Mnemonic } from 'iced-x86';
import type { HandlerTable, Handler } from '../slow/handler.js';
import type { LaneType } from './lanes.js';
import { immediate, packed, source, target } from './operands.js';

/** An operation on each pair of elements; the result wraps to their width. */
function each(type: LaneType, operate: (a: number, b: number) => number): Handler {
  const to = target[type];
  const from = source[type];
  return packed((size) => {
    for (let lane = 0; lane * to.BYTES_PER_ELEMENT < size; lane++) to[lane] = operate(to[lane], from[lane]);
  });
}

/** As `each`, on elements of 64 bits. */
function eachQuadword(operate: (a: bigint, b: bigint) => bigint): Handler {
  return packed((size) => {
    for (let lane = 0; lane * 8 < size; lane++) target.u64[lane] = operate(target.u64[lane], source.u64[lane]);
  });
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

const RANGES = { u8: [0, 0xff], i8: [-0x80, 0x7f], u16: [0, 0xffff], i16: [-0x8000, 0x7fff] } as const;

/** As `each`, for results that stop at the ends of the elements' range. */
function saturating(type: keyof typeof RANGES, operate: (a: number, b: number) => number): Handler {
  const [low, high] = RANGES[type];
  return each(type, (a, b) => clamp(operate(a, b), low, high));
}

/** PMADDWD: sums of the products of neighbouring words. */
const multiplyAdd = packed((size) => {
  for (let lane = 0; lane * 4 < size; lane++) {
    const low = target.i16[2 * lane] * source.i16[2 * lane];
    target.i32[lane] = low + target.i16[2 * lane + 1] * source.i16[2 * lane + 1];
  }
});

/** PMULUDQ: the even doublewords, to 64 bits. */
const multiplyDoublewords = packed((size) => {
  for (let lane = 0; lane * 8 < size; lane++) {
    target.u64[lane] = BigInt(target.u32[2 * lane]) * BigInt(source.u32[2 * lane]);
  }
});

/** PSADBW: the sum of the differences of eight bytes, in 64 bits. */
const absoluteDifferences = packed((size) => {
  for (let lane = 0; lane * 8 < size; lane++) {
    let sum = 0;
    for (let byte = 8 * lane; byte < 8 * lane + 8; byte++) sum += Math.abs(target.u8[byte] - source.u8[byte]);
    target.u64[lane] = BigInt(sum);
  }
});

/** PMULDQ: the even doublewords, signed, to 64 bits. */
const multiplySignedDoublewords = packed((size) => {
  for (let lane = 0; lane * 8 < size; lane++) {
    target.u64[lane] = BigInt(target.i32[2 * lane]) * BigInt(source.i32[2 * lane]);
  }
});

/** PHMINPOSUW: the smallest word and the first place where it stands. */
const smallestWord = packed(() => {
  const smallest = Math.min(...source.u16);
  const place = source.u16.indexOf(smallest);
  target.u16.fill(0);
  target.u16[0] = smallest;
  target.u16[1] = place;
});

/** MPSADBW: sums of the differences between four bytes of the second operand and four that move through the first. */
const movingDifferences = packed((size, instruction) => {
  const control = immediate(instruction, 2);
  const moving = 4 * ((control >>> 2) & 1);
  const fixed = 4 * (control & 3);
  const old = target.u8.slice();
  for (let lane = 0; lane * 2 < size; lane++) {
    let sum = 0;
    for (let byte = 0; byte < 4; byte++) sum += Math.abs(old[moving + lane + byte] - source.u8[fixed + byte]);
    target.u16[lane] = sum;
  }
});

const sum = (a: number, b: number): number => a + b;
const difference = (a: number, b: number): number => a - b;
const average = (a: number, b: number): number => (a + b + 1) >> 1;
const isEqual = (a: number, b: number): number => (a === b ? -1 : 0);
const isGreater = (a: number, b: number): number => (a > b ? -1 : 0);

const XOR = eachQuadword((a, b) => a ^ b);
const AND = eachQuadword((a, b) => a & b);
const AND_NOT = eachQuadword((a, b) => ~a & b);
const OR = eachQuadword((a, b) => a | b);

// prettier-ignore
export const PACKED_INTEGER: HandlerTable = [
  ...[Mnemonic.Pxor,  Mnemonic.Xorps,  Mnemonic.Xorpd].map((mnemonic) => [mnemonic, XOR] as const),
  ...[Mnemonic.Pand,  Mnemonic.Andps,  Mnemonic.Andpd].map((mnemonic) => [mnemonic, AND] as const),
  ...[Mnemonic.Pandn, Mnemonic.Andnps, Mnemonic.Andnpd].map((mnemonic) => [mnemonic, AND_NOT] as const),
  ...[Mnemonic.Por,   Mnemonic.Orps,   Mnemonic.Orpd].map((mnemonic) => [mnemonic, OR] as const),
  [Mnemonic.Paddb,   each('u8', sum)],
  [Mnemonic.Paddw,   each('u16', sum)],
  [Mnemonic.Paddd,   each('u32', sum)],
  [Mnemonic.Paddq,   eachQuadword((a, b) => a + b)],
  [Mnemonic.Psubb,   each('u8', difference)],
  [Mnemonic.Psubw,   each('u16', difference)],
  [Mnemonic.Psubd,   each('u32', difference)],
  [Mnemonic.Psubq,   eachQuadword((a, b) => a - b)],
  [Mnemonic.Paddsb,  saturating('i8', sum)],
  [Mnemonic.Paddsw,  saturating('i16', sum)],
  [Mnemonic.Paddusb, saturating('u8', sum)],
  [Mnemonic.Paddusw, saturating('u16', sum)],
  [Mnemonic.Psubsb,  saturating('i8', difference)],
  [Mnemonic.Psubsw,  saturating('i16', difference)],
  [Mnemonic.Psubusb, saturating('u8', difference)],
  [Mnemonic.Psubusw, saturating('u16', difference)],
  [Mnemonic.Pcmpeqb, each('u8', isEqual)],
  [Mnemonic.Pcmpeqw, each('u16', isEqual)],
  [Mnemonic.Pcmpeqd, each('u32', isEqual)],
  [Mnemonic.Pcmpgtb, each('i8', isGreater)],
  [Mnemonic.Pcmpgtw, each('i16', isGreater)],
  [Mnemonic.Pcmpgtd, each('i32', isGreater)],
  [Mnemonic.Pcmpeqq, eachQuadword((a, b) => (a === b ? -1n : 0n))],
  [Mnemonic.Pcmpgtq, eachQuadword((a, b) => (BigInt.asIntN(64, a) > BigInt.asIntN(64, b) ? -1n : 0n))],
  [Mnemonic.Pminsb,  each('i8', Math.min)],
  [Mnemonic.Pminuw,  each('u16', Math.min)],
  [Mnemonic.Pminsd,  each('i32', Math.min)],
  [Mnemonic.Pminud,  each('u32', Math.min)],
  [Mnemonic.Pmaxsb,  each('i8', Math.max)],
  [Mnemonic.Pmaxuw,  each('u16', Math.max)],
  [Mnemonic.Pmaxsd,  each('i32', Math.max)],
  [Mnemonic.Pmaxud,  each('u32', Math.max)],
  [Mnemonic.Pmulld,  each('i32', Math.imul)],
  [Mnemonic.Pmuldq,  multiplySignedDoublewords],
  [Mnemonic.Phminposuw, smallestWord],
  [Mnemonic.Mpsadbw, movingDifferences],
  [Mnemonic.Pminub,  each('u8', Math.min)],
  [Mnemonic.Pminsw,  each('i16', Math.min)],
  [Mnemonic.Pmaxub,  each('u8', Math.max)],
  [Mnemonic.Pmaxsw,  each('i16', Math.max)],
  [Mnemonic.Pavgb,   each('u8', average)],
  [Mnemonic.Pavgw,   each('u16', average)],
  [Mnemonic.Pmullw,  each('i16', (a, b) => a * b)],
  [Mnemonic.Pmulhw,  each('i16', (a, b) => (a * b) >> 16)],
  [Mnemonic.Pmulhuw, each('u16', (a, b) => (a * b) / 0x1_0000)],
  [Mnemonic.Pmuludq, multiplyDoublewords],
  [Mnemonic.Pmaddwd, multiplyAdd],
  [Mnemonic.Psadbw,  absoluteDifferences],
];
