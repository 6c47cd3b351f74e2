// Memory operands: effective addresses, the software TLB, line masks of tracked pages, and accesses that cross a page.
// Everything returns the address of the operand in this memory, or 0 when the run has been stopped instead.
import { VECTOR_AC, VECTOR_GP, VECTOR_SS } from '../hardware/cpu/exception-vector';
import {
  ACCESS_READ,
  ACCESS_RMW,
  ACCESS_WRITE,
  CPU_LIMIT,
  CPU_LINE_MASKS,
  CPU_SEGMENTS,
  CPU_SPLIT_COUNT,
  CPU_SPLIT_DATA,
  CPU_SPLIT_FIRST,
  CPU_SPLIT_LIMIT,
  CPU_SPLIT_LOAD,
  CPU_SPLIT_SECOND,
  CPU_SPLIT_SIZE,
  CPU_TLB,
  CPU_TLB_BANK,
  CPU_TLB_SUPERVISOR,
  CPU_TLB_VICTIMS,
  LINE_MASK_SIZE,
  SEGMENT_BASE,
  SEGMENT_SIZE,
  STOP_LINE_MISS,
  STOP_SPECIAL,
  STOP_TLB_MISS,
  TLB_ADDEND,
  TLB_BANK_SIZE,
  TLB_INFO,
  TLB_OTHER,
  TLB_READ,
  TLB_SPECIAL,
  TLB_TRACKED,
  TLB_TRACKED_READ_ONLY,
  TLB_VICTIMS,
  TLB_VICTIM_BANK,
  TLB_WRITE,
} from '../hardware/cpu/layout';
import {
  ADDRESS_16,
  ADDRESS_32,
  ADDRESS_64,
  ADDRESS_SEGMENT,
  R_ADDRESS_FLAGS,
  R_BASE,
  R_DISPLACEMENT,
  R_IMMEDIATE,
  R_INDEX,
  R_RANGE,
  R_SCALE,
  R_SEGMENT,
  R_SIZE,
  R_STACK,
  SCALE_SPECIAL,
} from '../hardware/cpu/record';
import { fault, stopForAccess } from './stop';
import { checksAlignment } from './tlb-bank';

/** Stands for an address that segmentation does not allow: accessing it raises #GP(0) or #SS(0) as well. */
const FORBIDDEN: u64 = 1 << 63;

/** Linear address of the memory operand. */
// @ts-ignore: decorator
@inline
export function address(cpu: usize, pc: usize): u64 {
  const scale = i32(load<u8>(pc, R_SCALE));
  const sum =
    load<u64>(cpu + load<u8>(pc, R_BASE)) +
    (load<u64>(cpu + load<u8>(pc, R_INDEX)) << u64(scale)) +
    load<i32>(pc, R_DISPLACEMENT);
  return scale < SCALE_SPECIAL ? sum : specialAddress(cpu, pc, sum, load<u8>(pc, R_ADDRESS_FLAGS));
}

/** Takes one flag after the other. That it calls itself keeps it from being inlined into every instruction. */
function specialAddress(cpu: usize, pc: usize, sum: u64, flags: u32): u64 {
  if (flags & ADDRESS_64) return specialAddress(cpu, pc, load<u64>(pc, R_IMMEDIATE), flags & ~ADDRESS_64);
  const offset = flags & ADDRESS_32 ? u64(u32(sum)) : flags & ADDRESS_16 ? sum & 0xffff : sum;
  if (flags & ADDRESS_SEGMENT) {
    return segmented(cpu, load<u8>(pc, R_SEGMENT), offset, load<u8>(pc, R_SIZE), load<u8>(pc, R_RANGE));
  }
  return offset + load<u64>(cpu + load<u8>(pc, R_SEGMENT));
}

/** Linear address of `size` bytes at `offset` of a segment, or FORBIDDEN. `range`: SEGMENT_LOAD or SEGMENT_STORE. */
export function segmented(cpu: usize, segment: u32, offset: u64, size: u64, range: u32): u64 {
  const at = cpu + CPU_SEGMENTS + segment * SEGMENT_SIZE;
  const lowest: u64 = load<u32>(at + range);
  const highest: u64 = load<u32>(at + range, 4);
  if (offset < lowest || offset + size - 1 > highest) return FORBIDDEN;
  return u64(u32(offset) + load<u32>(at, SEGMENT_BASE));
}

/**
 * The place of the page of `va` in the TLB. Neighbours have different places, and so have small groups of them at round
 * distances.
 */
// @ts-ignore: decorator
@inline
export function entryFor(cpu: usize, va: u64): usize {
  return load<u32>(cpu, CPU_TLB) + placeOf(va);
}

// @ts-ignore: decorator
@inline
function placeOf(va: u64): u32 {
  return ((u32(va >> 12) + u32(va >> 18)) << 5) & 0x3fe0;
}

/** The tag of the private page of `last`, the last byte of an operand: an access that crosses a page never hits. */
// @ts-ignore: decorator
@inline
export function tagFor(last: u64): u64 {
  return (last & ~u64(0xfff)) | 1;
}

/** The address in this memory of the byte at `va`, which is on the page of the entry. */
// @ts-ignore: decorator
@inline
export function operandAt(entry: usize, va: u64): usize {
  return load<u32>(entry, TLB_ADDEND) + (u32(va) & 0xfff);
}

// @ts-ignore: decorator
@inline
export function toLoad<T>(cpu: usize, pc: usize, va: u64): usize {
  const entry = entryFor(cpu, va);
  if (tagFor(va + (sizeof<T>() - 1)) == load<u64>(entry, TLB_READ)) return operandAt(entry, va);
  return slowAccess(cpu, va, sizeof<T>(), ACCESS_READ, load<u8>(pc, R_STACK));
}

// @ts-ignore: decorator
@inline
export function toStore<T>(cpu: usize, pc: usize, va: u64): usize {
  const entry = entryFor(cpu, va);
  if (tagFor(va + (sizeof<T>() - 1)) == load<u64>(entry, TLB_WRITE)) return operandAt(entry, va);
  return slowAccess(cpu, va, sizeof<T>(), ACCESS_WRITE, load<u8>(pc, R_STACK));
}

/** For reading and writing back: what a store needs is asked for before anything happens. */
// @ts-ignore: decorator
@inline
export function toModify<T>(cpu: usize, pc: usize, va: u64): usize {
  const entry = entryFor(cpu, va);
  if (tagFor(va + (sizeof<T>() - 1)) == load<u64>(entry, TLB_WRITE)) return operandAt(entry, va);
  return slowAccess(cpu, va, sizeof<T>(), ACCESS_RMW, load<u8>(pc, R_STACK));
}

// @ts-ignore: decorator
@inline
export function toPop<T>(cpu: usize, va: u64): usize {
  const entry = entryFor(cpu, va);
  if (tagFor(va + (sizeof<T>() - 1)) == load<u64>(entry, TLB_READ)) return operandAt(entry, va);
  return slowAccess(cpu, va, sizeof<T>(), ACCESS_READ, 1);
}

// @ts-ignore: decorator
@inline
export function toPush<T>(cpu: usize, va: u64): usize {
  const entry = entryFor(cpu, va);
  if (tagFor(va + (sizeof<T>() - 1)) == load<u64>(entry, TLB_WRITE)) return operandAt(entry, va);
  return slowAccess(cpu, va, sizeof<T>(), ACCESS_WRITE, 1);
}

// @ts-ignore: decorator
@inline
export function canonical(va: u64): bool {
  return (i64(va << 16) >> 16) == i64(va);
}

export function slowAccess(cpu: usize, va: u64, size: u32, access: u32, stack: u32): usize {
  const operand = heldLines(cpu, entryFor(cpu, va), va, va + (size - 1), access != ACCESS_READ);
  return operand != 0 ? operand : missedAccess(cpu, va, size, access, stack);
}

/** `slowAccess` to bytes that are not in held lines of one page. */
export function missedAccess(cpu: usize, va: u64, size: u32, access: u32, stack: u32): usize {
  const last = va + (size - 1);
  if (!canonical(va) || !canonical(last)) return fault(cpu, stack != 0 ? VECTOR_SS : VECTOR_GP, 0);
  if (checksAlignment(cpu) && (va & (size - 1)) != 0) return misaligned(cpu, va, size, access);
  if ((va ^ last) >> 12 == 0) return part(cpu, va, size, access, va, size);
  const count = 0x1000 - (u32(va) & 0xfff);
  const first = part(cpu, va, count, access, va, size);
  if (first == 0) return 0;
  const second = part(cpu, va + count, size - count, access, va, size);
  if (second == 0) return 0;
  return access == ACCESS_READ
    ? splitLoad(cpu, first, second, count, size)
    : splitStore(cpu, first, second, count, size);
}

/** An operand of 2, 4 or 8 bytes is not aligned: #AC(0), behind what a translation has to say. */
function misaligned(cpu: usize, va: u64, size: u32, access: u32): usize {
  const isTranslated = isMapped(cpu, va, access) && isMapped(cpu, va + (size - 1), access);
  return isTranslated ? fault(cpu, VECTOR_AC, 0) : stopForAccess(cpu, STOP_TLB_MISS, va, size, access, 0);
}

/** Is there an entry that a walk for this access would leave as it is? */
function isMapped(cpu: usize, va: u64, access: u32): bool {
  const page = va & ~u64(0xfff);
  const entry = findEntry(cpu, va, page);
  if (access == ACCESS_READ || !maps(entry, page)) return maps(entry, page);
  return load<u64>(entry, TLB_WRITE) == (page | 1) || allowsStores(entry, page);
}

function allowsStores(entry: usize, page: u64): bool {
  const other = load<u64>(entry, TLB_OTHER);
  return other == (page | TLB_TRACKED) || other == (page | TLB_SPECIAL);
}

export function maps(entry: usize, page: u64): bool {
  const other = load<u64>(entry, TLB_OTHER);
  return load<u64>(entry, TLB_READ) == (page | 1) || ((u32(other) & 0xfff) != 0 && (other & ~u64(0xfff)) == page);
}

/** May the page of an entry be loaded from, apart from its lines? */
export function isReadable(entry: usize, page: u64): bool {
  const other = load<u64>(entry, TLB_OTHER);
  return load<u64>(entry, TLB_READ) == (page | 1) || other == (page | TLB_TRACKED) || other == (page | TLB_TRACKED_READ_ONLY);
}

/** The place of the page of `va` in the bank that translations are entered into. */
// @ts-ignore: decorator
@inline
export function placeFor(cpu: usize, va: u64): usize {
  return load<u32>(cpu, CPU_TLB_BANK) + placeOf(va);
}

/** The displaced entries of that bank. */
export function victimsOf(cpu: usize): usize {
  const bank = (load<u32>(cpu, CPU_TLB_BANK) - u32(cpu) - CPU_TLB_SUPERVISOR) / TLB_BANK_SIZE;
  return cpu + CPU_TLB_VICTIMS + bank * TLB_VICTIM_BANK;
}

/** The entry of `page`, in its place or among the displaced ones; the one in its place if there is none. */
export function findEntry(cpu: usize, va: u64, page: u64): usize {
  const entry = placeFor(cpu, va);
  if (maps(entry, page)) return entry;
  const victims = victimsOf(cpu);
  for (let index = 0; index < TLB_VICTIMS; index++) {
    const victim = victims + (index << 5);
    if (maps(victim, page)) return victim;
  }
  return entry;
}

/** One page's share [va, va + size) of an access to [wholeVa, wholeVa + wholeSize). */
function part(cpu: usize, va: u64, size: u32, access: u32, wholeVa: u64, wholeSize: u32): usize {
  const page = va & ~u64(0xfff);
  const entry = findEntry(cpu, va, page);
  const tag = access == ACCESS_READ ? load<u64>(entry, TLB_READ) : load<u64>(entry, TLB_WRITE);
  if (tag == (page | 1)) return operandAt(entry, va);
  const other = load<u64>(entry, TLB_OTHER);
  const kind = u32(other) & 0xfff;
  if (kind == 0 || (other & ~u64(0xfff)) != page || (kind == TLB_TRACKED_READ_ONLY && access != ACCESS_READ)) {
    return stopForAccess(cpu, STOP_TLB_MISS, wholeVa, wholeSize, access, 0);
  }
  if (kind == TLB_SPECIAL) return stopForAccess(cpu, STOP_SPECIAL, wholeVa, wholeSize, access, 0);
  if (holdsLines(cpu, entry, va, va + (size - 1), access != ACCESS_READ)) return operandAt(entry, va);
  return stopForAccess(cpu, STOP_LINE_MISS, wholeVa, wholeSize, access, load<u32>(entry, TLB_INFO));
}

/** May this CPU access the lines of `first` and `last`, on the tracked page of an entry? */
// @ts-ignore: decorator
@inline
export function holdsLines(cpu: usize, entry: usize, first: u64, last: u64, write: bool): bool {
  const masks: usize = load<u32>(cpu, CPU_LINE_MASKS) + load<u32>(entry, TLB_INFO) * LINE_MASK_SIZE + (write ? 8 : 0);
  const lines = (u64(1) << (first >> 6)) | (u64(1) << (last >> 6));
  return (load<u64>(masks) & lines) == lines;
}

/** The bytes [va, last], if they are on the tracked page of the entry for `va`, in lines that this CPU may access; otherwise 0. */
// @ts-ignore: decorator
@inline
export function heldLines(cpu: usize, entry: usize, va: u64, last: u64, write: bool): usize {
  if (!isTracked(entry, last, write)) return 0;
  return holdsLines(cpu, entry, va, last, write) ? operandAt(entry, va) : 0;
}

/** Is the page of `last` the special one of this entry? */
// @ts-ignore: decorator
@inline
export function isSpecial(entry: usize, last: u64): bool {
  return load<u64>(entry, TLB_OTHER) == ((last & ~u64(0xfff)) | TLB_SPECIAL);
}

/** Is the page of `last` the tracked one of this entry, and may be accessed? */
// @ts-ignore: decorator
@inline
export function isTracked(entry: usize, last: u64, write: bool): bool {
  const kind = load<u64>(entry, TLB_OTHER) ^ (last & ~u64(0xfff));
  return kind == TLB_TRACKED || (!write && kind == TLB_TRACKED_READ_ONLY);
}

function splitLoad(cpu: usize, first: usize, second: usize, count: u32, size: u32): usize {
  memory.copy(cpu + CPU_SPLIT_LOAD, first, count);
  memory.copy(cpu + CPU_SPLIT_LOAD + count, second, size - count);
  return cpu + CPU_SPLIT_LOAD;
}

/** Lends a buffer that holds the old data; the run loop is made to look in and copy it out. */
function splitStore(cpu: usize, first: usize, second: usize, count: u32, size: u32): usize {
  memory.copy(cpu + CPU_SPLIT_DATA, first, count);
  memory.copy(cpu + CPU_SPLIT_DATA + count, second, size - count);
  store<u32>(cpu, size, CPU_SPLIT_SIZE);
  store<u32>(cpu, count, CPU_SPLIT_COUNT);
  store<u32>(cpu, u32(first), CPU_SPLIT_FIRST);
  store<u32>(cpu, u32(second), CPU_SPLIT_SECOND);
  store<u64>(cpu, load<u64>(cpu, CPU_LIMIT), CPU_SPLIT_LIMIT);
  store<u64>(cpu, 0, CPU_LIMIT);
  return cpu + CPU_SPLIT_DATA;
}

/** Completes a store that crosses a page, after its instruction. False: there was none. */
export function finishSplitStore(cpu: usize): bool {
  const size = load<u32>(cpu, CPU_SPLIT_SIZE);
  if (size == 0) return false;
  const count = load<u32>(cpu, CPU_SPLIT_COUNT);
  memory.copy(load<u32>(cpu, CPU_SPLIT_FIRST), cpu + CPU_SPLIT_DATA, count);
  memory.copy(load<u32>(cpu, CPU_SPLIT_SECOND), cpu + CPU_SPLIT_DATA + count, size - count);
  store<u32>(cpu, 0, CPU_SPLIT_SIZE);
  store<u64>(cpu, load<u64>(cpu, CPU_SPLIT_LIMIT), CPU_LIMIT);
  return true;
}
