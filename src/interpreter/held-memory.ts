// Memory as microcode meets it in the common case: the page is in the TLB, and this CPU holds the cache lines. Everything
// returns the address of the operand in this memory, or 0 when the host has to see to it; nothing stops.
import {
  CPU_LINE_MASKS,
  CPU_TLB,
  LINE_MASK_SIZE,
  TLB_ADDEND,
  TLB_INFO,
  TLB_OTHER,
  TLB_READ,
  TLB_TRACKED,
  TLB_TRACKED_READ_ONLY,
  TLB_WRITE,
} from '../hardware/cpu/layout';

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
  const entry: usize = load<u32>(cpu, CPU_TLB) + (u32(va >> 7) & 0x3fe0);
  const host = load<u32>(entry, TLB_ADDEND) + (u32(va) & 0xfff);
  if (load<u64>(entry + (write ? TLB_WRITE : TLB_READ)) == (page | 1)) return host;
  const kind = load<u64>(entry, TLB_OTHER) ^ page;
  if (kind != TLB_TRACKED && (write || kind != TLB_TRACKED_READ_ONLY)) return 0;
  const masks: usize = load<u32>(cpu, CPU_LINE_MASKS) + load<u32>(entry, TLB_INFO) * LINE_MASK_SIZE + (write ? 8 : 0);
  const lines = (u64(1) << (va >> 6)) | (u64(1) << (last >> 6));
  return (load<u64>(masks) & lines) == lines ? host : 0;
}
