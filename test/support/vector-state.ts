/**
 * The state of the processor before a recorded instruction. It is a function of a number, so that a vector has to
 * store only what it changes about it.
 */

export const CODE_ADDRESS = 0x4_0800;
/** 256 bytes of data around a page boundary; the rest of both pages is zero. */
export const WINDOW_ADDRESS = 0x5_0f80;
export const WINDOW_SIZE = 256;
export const STACK_POINTER = WINDOW_ADDRESS + WINDOW_SIZE / 2;

export const REGISTERS = 16;
const RSP = 4;
const WORDS = REGISTERS + WINDOW_SIZE / 8;
/** CF PF AF ZF SF OF and DF. */
export const STATUS_FLAGS = 0x8d5;
export const DIRECTION_FLAG = 0x400;

/** Registers in SDM order and the window, as little-endian words; RFLAGS without its fixed bits. */
export interface ProcessorState {
  /** Low and high word of each register. */
  readonly registers: Uint32Array;
  readonly window: Uint8Array;
  flags: number;
}

export function emptyState(): ProcessorState {
  return { registers: new Uint32Array(REGISTERS * 2), window: new Uint8Array(WINDOW_SIZE), flags: 0 };
}

/** A 32-bit mixing function: the finalizer of MurmurHash3. */
export function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

const WIDTHS = [8, 16, 32, 64] as const;

/** Fills `state` with state number `number`: random words, small ones, and words around powers of two. */
export function fillState(state: ProcessorState, number: number): void {
  const { registers, window } = state;
  const view = new Uint32Array(window.buffer, window.byteOffset, WINDOW_SIZE / 4);
  const seed = mix(number ^ 0x5bd1_e995);
  for (let word = 0; word < WORDS; word++) {
    const target = word < REGISTERS ? registers : view;
    fillWord(target, (word < REGISTERS ? word : word - REGISTERS) * 2, mix(seed + word * 3));
  }
  registers[RSP * 2] = STACK_POINTER;
  registers[RSP * 2 + 1] = 0;
  state.flags = mix(seed + WORDS * 3) & (STATUS_FLAGS | DIRECTION_FLAG);
}

function fillWord(target: Uint32Array, at: number, seed: number): void {
  const low = mix(seed + 1);
  const high = mix(seed + 2);
  const shift = (seed >>> 3) & 31;
  if ((seed & 3) === 0) setWords(target, at, low, high);
  else if ((seed & 3) === 1) fillBoundary(target, at, seed >>> 2);
  else if ((seed & 3) === 2) setWords(target, at, (low & 0x1ff) - 0x100, (low & 0x100) === 0 ? -1 : 0);
  else if ((seed & 4) === 0) setWords(target, at, low >>> shift, 0);
  else setWords(target, at, low, high >>> shift);
}

/** -1, 0 or +1 from the middle or the end of a width. */
function fillBoundary(target: Uint32Array, at: number, choice: number): void {
  const width = WIDTHS[choice & 3] as number;
  const bit = (choice & 4) === 0 ? width - 1 : width;
  const near = ((choice >>> 3) % 3) - 1;
  const power = bit >= 64 ? 0n : 1n << BigInt(bit);
  const value = BigInt.asUintN(64, power + BigInt(near));
  setWords(target, at, Number(value & 0xffff_ffffn), Number(value >> 32n));
}

function setWords(target: Uint32Array, at: number, low: number, high: number): void {
  target[at] = low;
  target[at + 1] = high;
}
