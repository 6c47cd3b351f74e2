// Memory as microcode meets it in the common case: the page is in the TLB, and this CPU holds the cache lines. Everything
// returns the address of the operand in this memory, or 0 when the host has to see to it; nothing stops.
import { TLB_ADDEND, TLB_READ, TLB_WRITE } from '../hardware/cpu/layout';
import { findEntry, heldLines } from './memory';
import { overridesSmap } from './tlb-bank';

/** `size` bytes on one page that may be read. */
export function heldForReading(cpu: usize, va: u64, size: u32): usize {
  return held(cpu, va, size, false);
}

/** `size` bytes of a system structure: what RFLAGS.AC lets instructions access counts for nothing. */
export function heldForSystem(cpu: usize, va: u64, size: u32): usize {
  return overridesSmap(cpu) ? 0 : heldForReading(cpu, va, size);
}

/** `size` bytes on one page that may be written. */
export function heldForWriting(cpu: usize, va: u64, size: u32): usize {
  return held(cpu, va, size, true);
}

// @ts-ignore: decorator
@inline
function held(cpu: usize, va: u64, size: u32, write: bool): usize {
  const entry = findEntry(cpu, va, va & ~u64(0xfff));
  const last = va + (size - 1);
  const tag = (last & ~u64(0xfff)) | 1;
  if (load<u64>(entry + (write ? TLB_WRITE : TLB_READ)) != tag) return heldLines(cpu, entry, va, last, write);
  return load<u32>(entry, TLB_ADDEND) + (u32(va) & 0xfff);
}
