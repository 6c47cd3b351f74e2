// Memory as microcode meets it in the common case: the page is in the TLB, and this CPU holds the cache lines. Everything
// returns the address of the operand in this memory, or 0 when the host has to see to it; nothing stops.
import { TLB_READ, TLB_WRITE } from '../hardware/cpu/layout';
import { findEntry, heldLines, operandAt, placeFor, tagFor } from './memory';
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
  const last = va + (size - 1);
  const entry = placeFor(cpu, va);
  const operand = heldIn(cpu, entry, va, last, write);
  return operand != 0 ? operand : heldIn(cpu, findEntry(cpu, va, va & ~u64(0xfff)), va, last, write);
}

/** The bytes [va, last], if they are on a private page of the entry, or in held lines of a tracked one; otherwise 0. */
function heldIn(cpu: usize, entry: usize, va: u64, last: u64, write: bool): usize {
  return isPrivate(entry, last, write) ? operandAt(entry, va) : heldLines(cpu, entry, va, last, write);
}

/** Is the page of `last` the private one of this entry, and may be accessed? */
// @ts-ignore: decorator
@inline
export function isPrivate(entry: usize, last: u64, write: bool): bool {
  return load<u64>(entry + (write ? TLB_WRITE : TLB_READ)) == tagFor(last);
}
