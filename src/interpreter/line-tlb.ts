// The line TLB: which cache lines instructions may access at once, by linear address. Translated code looks into it and into
// nothing else (translator/memory-operand.ts). It holds a part of what the TLB and the rights to lines say together, so that
// what is taken from these is taken from it: translations by tlb.ts, lines by lines.ts. It costs no cycles either.
import {
  CPU_LINE_KIND,
  CPU_LINE_TLB,
  CPU_LINE_TLB_USED,
  LINE_TLB_ADDEND,
  LINE_TLB_ENTRIES,
  LINE_TLB_ENTRY_SIZE,
  LINE_TLB_LINE,
  LINE_TLB_READ,
  LINE_TLB_WRITE,
  ORDER_RAM,
} from '../hardware/cpu/layout';
import { operandAt } from './memory';
import { clearUsed, markUsed } from './tlb';

const LINE_MASK: u64 = 63;
/** Neighbouring pages have places of their own, and one word of CPU_LINE_TLB_USED each. */
const PAGES: u32 = LINE_TLB_ENTRIES / 64;

// @ts-ignore: decorator
@inline
function placeAt(cpu: usize, index: u32): usize {
  return cpu + CPU_LINE_TLB + index * LINE_TLB_ENTRY_SIZE;
}

/** Enters the line of `va`, whose page is that of `entry` of the TLB, for reading and, with `write`, for writing. */
export function enterLine(cpu: usize, entry: usize, va: u64, write: bool): void {
  const operand = u32(operandAt(entry, va));
  const index = u32(va >> 6) & (LINE_TLB_ENTRIES - 1);
  const place = placeAt(cpu, index);
  const tag = (va & ~LINE_MASK) | load<u64>(cpu, CPU_LINE_KIND);
  store<u64>(place, tag, LINE_TLB_READ);
  store<u64>(place, write ? tag : 0, LINE_TLB_WRITE);
  store<u32>(place, operand - u32(va), LINE_TLB_ADDEND);
  store<u32>(place, operand & ~63, LINE_TLB_LINE);
  markUsed(cpu + CPU_LINE_TLB_USED, index);
}

/** The CPU may not access the line at `pa` any more, or with `onlyStores` may not write to it. */
// @ts-ignore: decorator
@inline
export function forgetLine(cpu: usize, pa: u32, onlyStores: bool): void {
  const at = load<u32>(ORDER_RAM) + pa;
  const line = (pa >> 6) & 63;
  forget(placeAt(cpu, line), at, onlyStores);
  forget(placeAt(cpu, 64 | line), at, onlyStores);
  forget(placeAt(cpu, 128 | line), at, onlyStores);
  forget(placeAt(cpu, 192 | line), at, onlyStores);
}

// @ts-ignore: decorator
@inline
function forget(place: usize, at: u32, onlyStores: bool): void {
  if (load<u32>(place, LINE_TLB_LINE) != at) return;
  if (!onlyStores) store<u64>(place, 0, LINE_TLB_READ);
  store<u64>(place, 0, LINE_TLB_WRITE);
}

/** The translation of the page of `va` goes, or another one comes. */
export function forgetPage(cpu: usize, va: u64): void {
  const page = u32(va >> 12) & (PAGES - 1);
  clearUsed(cpu + CPU_LINE_TLB_USED + (page << 3), placeAt(cpu, page << 6), 64, LINE_TLB_ENTRY_SIZE);
}

/** Every translation goes. */
export function forgetLines(cpu: usize): void {
  clearUsed(cpu + CPU_LINE_TLB_USED, cpu + CPU_LINE_TLB, LINE_TLB_ENTRIES, LINE_TLB_ENTRY_SIZE);
}

/** For the host, to which addresses are numbers. */
export function forgetPageNumber(cpu: usize, va: f64): void {
  forgetPage(cpu, u64(i64(va)));
}
