/**
 * I/O and MSR bitmaps (SDM vol. 3, 25.6.4 and 25.6.9). They are pages of host memory: reading one may have to wait for
 * its line.
 */
import type { Cpu } from '../cpu/cpu.js';
import type { ActiveControls } from './active-controls.js';
import * as C from './controls.js';
import type { VirtualizationState } from './virtualization-state.js';

/** The bit is 0: no VM exit. */
export const BITMAP_CLEAR = 0;
/** The bit is 1, or there is no bitmap to consult: VM exit. */
export const BITMAP_EXIT = 1;
/** The line is on its way. */
export const BITMAP_WAITS = 2;

export type BitmapAnswer = typeof BITMAP_CLEAR | typeof BITMAP_EXIT | typeof BITMAP_WAITS;

const MSRS_PER_HALF = 0x2000;
const HIGH_MSRS = 0xc000_0000;
const HIGH_OFFSET = 0x400;
const WRITE_OFFSET = 0x800;
const PORTS_PER_BITMAP = 0x8000;

function testBit(cpu: Cpu, bitmap: number, bit: number): BitmapAnswer {
  const address = bitmap + (bit >>> 3);
  if (!cpu.lines.hold(cpu, address, false)) return BITMAP_WAITS;
  return (cpu.memory.read8(address) & (1 << (bit & 7))) === 0 ? BITMAP_CLEAR : BITMAP_EXIT;
}

/** RDMSR or WRMSR of `msr`. */
export function msrBitmap(cpu: Cpu, state: VirtualizationState, msr: number, write: boolean): BitmapAnswer {
  if (!state.useMsrBitmaps) return BITMAP_EXIT;
  const half = state.msrBitmap + (write ? WRITE_OFFSET : 0);
  if (msr < MSRS_PER_HALF) return testBit(cpu, half, msr);
  const high = msr - HIGH_MSRS;
  return high >= 0 && high < MSRS_PER_HALF ? testBit(cpu, half + HIGH_OFFSET, high) : BITMAP_EXIT;
}

/** IN, OUT, INS or OUTS of `size` bytes at `port`. An access that wraps around FFFFH exits. */
export function ioBitmaps(cpu: Cpu, controls: ActiveControls, port: number, size: number): BitmapAnswer {
  if (!controls.has(C.CPU_BASED_USE_IO_BITMAPS)) {
    return controls.has(C.CPU_BASED_UNCOND_IO_EXITING) ? BITMAP_EXIT : BITMAP_CLEAR;
  }
  if (port + size > 2 * PORTS_PER_BITMAP) return BITMAP_EXIT;
  for (let at = port; at < port + size; at++) {
    const bitmap = at < PORTS_PER_BITMAP ? controls.ioBitmapA : controls.ioBitmapB;
    const answer = testBit(cpu, bitmap, at & (PORTS_PER_BITMAP - 1));
    if (answer !== BITMAP_CLEAR) return answer;
  }
  return BITMAP_CLEAR;
}
