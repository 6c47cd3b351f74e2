/**
 * Where code may be fetched from, and how the processor's mode makes it be decoded (SDM vol. 3, 6.3): outside 64-bit mode
 * CS has a base and a limit.
 */
import { Decoder as IcedDecoder, DecoderOptions } from 'iced-x86';
import { PAGE_SIZE } from '../memory/physical-memory.js';
import type { Cpu } from './cpu.js';
import { CPU_MODE, MODE_64 } from './layout.js';
import { isWithinLimit } from './legacy/segmentation.js';
import { SEGMENT_CS } from './segments.js';

export type FetchingCpu = Pick<Cpu, 'segmentBase' | 'segments' | 'word'>;

/** Where an instruction begins: physical page, offset in it, and instruction pointer. */
export interface Fetch {
  readonly page: number;
  readonly offset: number;
  readonly rip: number;
}

const BITNESS = [64, 32, 16] as const;

/** In 64-bit mode? */
export function isLong(cpu: FetchingCpu): boolean {
  return cpu.word(CPU_MODE) === MODE_64;
}

/** Default operand and address size of code, as decoders count it. */
export function bitnessOf(cpu: FetchingCpu): 16 | 32 | 64 {
  return BITNESS[cpu.word(CPU_MODE)];
}

/** A decoder for the mode of the CPU, in front of the instruction at `offset`, which has address `ip`; to be freed. */
export function newDecoder(cpu: FetchingCpu, bytes: Uint8Array, offset = 0, ip = 0n): IcedDecoder {
  const decoder = new IcedDecoder(bitnessOf(cpu), bytes, DecoderOptions.None);
  decoder.position = offset;
  decoder.ip = ip;
  return decoder;
}

/** What page offsets of the records count from: code of 64-bit mode may stand anywhere. */
export function originOf(cpu: FetchingCpu, { rip, offset }: Fetch): number {
  return isLong(cpu) ? 0 : rip - offset;
}

/** Of the code at `rip`: see code-pages.ts. */
export function variantOf(cpu: FetchingCpu, rip: number): number {
  return isLong(cpu) ? MODE_64 : rip - (rip % PAGE_SIZE) + cpu.word(CPU_MODE);
}

/** Do `size` bytes at `rip` lie within the limit of CS? 64-bit mode has none. */
export function isFetchable(cpu: FetchingCpu, rip: number, size: number): boolean {
  return isLong(cpu) || isWithinLimit(cpu.segments[SEGMENT_CS], rip, size);
}

/** Does the page of `rip` lie within the limit of CS, and begin where a physical page does? */
export function isPageOfCode(cpu: FetchingCpu, rip: number): boolean {
  if (isLong(cpu)) return true;
  return cpu.segmentBase(SEGMENT_CS) % PAGE_SIZE === 0 && isFetchable(cpu, rip - (rip % PAGE_SIZE), PAGE_SIZE);
}
