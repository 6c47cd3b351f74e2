// Memory as microcode meets it in the common case: the page is in the TLB, and this CPU holds the cache lines. Everything
// returns the address of the operand in this memory, or 0 when the host has to see to it; nothing stops.
import {
  TLB_ADDEND,
  TLB_OTHER,
  TLB_READ,
  TLB_TRACKED,
  TLB_TRACKED_READ_ONLY,
  TLB_WRITE,
} from '../hardware/cpu/layout';
import { entryFor, holdsLines } from './memory';

/** `size` bytes on one page that may be read. */
export function heldForReading(cpu: usize, va: u64, size: u32): usize {
  return held(cpu, va, size, false);
}

/** `size` bytes on one page that may be written. */
export function heldForWriting(cpu: usize, va: u64, size: u32): usize {
  return held(cpu, va, size, true);
}

// @ts-ignore: decorator
@inline
function held(cpu: usize, va: u64, size: u32, write: bool): usize {
  const page = va & ~u64(0xfff);
  const last = va + (size - 1);
  if ((va ^ last) >> 12 != 0) return 0;
  const entry = entryFor(cpu, va);
  const host = load<u32>(entry, TLB_ADDEND) + (u32(va) & 0xfff);
  if (load<u64>(entry + (write ? TLB_WRITE : TLB_READ)) == (page | 1)) return host;
  const kind = load<u64>(entry, TLB_OTHER) ^ page;
  if (kind != TLB_TRACKED && (write || kind != TLB_TRACKED_READ_ONLY)) return 0;
  return holdsLines(cpu, entry, va, last, write) ? host : 0;
}
