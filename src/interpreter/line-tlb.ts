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

const LINE_MASK: u64 = 63;
/** Neighbouring pages have places of their own, and one word of CPU_LINE_TLB_USED each. */
const PAGES: u32 = LINE_TLB_ENTRIES / 64;

// @ts-ignore: decorator
@inline
function placeAt(cpu: usize, page: u32, line: u32): usize {
  return cpu + CPU_LINE_TLB + ((page << 6) | line) * LINE_TLB_ENTRY_SIZE;
}

// @ts-ignore: decorator
@inline
function usedLines(cpu: usize, page: u32): usize {
  return cpu + CPU_LINE_TLB_USED + (page << 3);
}

/** Which one of neighbouring pages that of `va` is. */
// @ts-ignore: decorator
@inline
function pageOf(va: u64): u32 {
  return u32(va >> 12) & (PAGES - 1);
}

/** Enters the line of `va`, whose page is that of `entry` of the TLB, for reading and, with `write`, for writing. */
export function enterLine(cpu: usize, entry: usize, va: u64, write: bool): void {
  const operand = u32(operandAt(entry, va));
  const page = pageOf(va);
  const line = u32(va >> 6) & 63;
  const place = placeAt(cpu, page, line);
  const tag = (va & ~LINE_MASK) | load<u64>(cpu, CPU_LINE_KIND);
  store<u64>(place, tag, LINE_TLB_READ);
  store<u64>(place, write ? tag : 0, LINE_TLB_WRITE);
  store<u32>(place, operand - u32(va), LINE_TLB_ADDEND);
  store<u32>(place, operand & ~63, LINE_TLB_LINE);
  const used = usedLines(cpu, page);
  store<u64>(used, load<u64>(used) | (u64(1) << line));
}

/** The CPU may not read the line at `pa` any more. */
// @ts-ignore: decorator
@inline
export function forgetLine(cpu: usize, pa: u32): void {
  const at = load<u32>(ORDER_RAM) + pa;
  const line = (pa >> 6) & 63;
  forget(placeAt(cpu, 0, line), at);
  forget(placeAt(cpu, 1, line), at);
  forget(placeAt(cpu, 2, line), at);
  forget(placeAt(cpu, 3, line), at);
}

// @ts-ignore: decorator
@inline
function forget(place: usize, at: u32): void {
  if (load<u32>(place, LINE_TLB_LINE) != at) return;
  store<u64>(place, 0, LINE_TLB_READ);
  store<u64>(place, 0, LINE_TLB_WRITE);
}

/** It may not write to it any more. */
export function forgetStoresTo(cpu: usize, pa: u32): void {
  const at = load<u32>(ORDER_RAM) + pa;
  const line = (pa >> 6) & 63;
  forgetStore(placeAt(cpu, 0, line), at);
  forgetStore(placeAt(cpu, 1, line), at);
  forgetStore(placeAt(cpu, 2, line), at);
  forgetStore(placeAt(cpu, 3, line), at);
}

// @ts-ignore: decorator
@inline
function forgetStore(place: usize, at: u32): void {
  if (load<u32>(place, LINE_TLB_LINE) == at) store<u64>(place, 0, LINE_TLB_WRITE);
}

/** The translation of the page of `va` goes, or another one comes. */
export function forgetPage(cpu: usize, va: u64): void {
  const page = pageOf(va);
  const used = usedLines(cpu, page);
  for (let left = load<u64>(used); left != 0; left &= left - 1) {
    const place = placeAt(cpu, page, u32(ctz(left)));
    store<u64>(place, 0, LINE_TLB_READ);
    store<u64>(place, 0, LINE_TLB_WRITE);
  }
  store<u64>(used, 0);
}

/** Every translation goes. */
export function forgetLines(cpu: usize): void {
  for (let page: u32 = 0; page < PAGES; page++) forgetPage(cpu, u64(page) << 12);
}

/** It may not write to any line of the page at `pa`. */
export function forgetStores(cpu: usize, pa: u32): void {
  for (let line: u32 = 0; line < 64; line++) forgetStoresTo(cpu, pa | (line << 6));
}

/** For the host, to which addresses are numbers. */
export function forgetPageNumber(cpu: usize, va: f64): void {
  forgetPage(cpu, u64(i64(va)));
}
