// Translated code: how often a record is gone to before the host is asked to translate what begins there, how it is
// entered, and what it calls.
import {
  ACCESS_READ,
  CPU_LIMIT,
  CPU_MARK_BRANCH,
  CPU_NOW,
  ENTRY_REGION,
  ORDER_ENTRIES,
  ORDER_LIMIT,
  ORDER_OBSERVED,
  ORDER_STEPPED,
  ORDER_TRANSLATE_AFTER,
  REGION_ACCESS,
  REGION_LENGTH,
  REGION_LENGTH_SHIFT,
  REGION_REST_SHIFT,
  REGION_STACK,
  STOP_LINE_MISS,
  STOP_SPECIAL,
  TLB_INFO,
} from '../hardware/cpu/layout';
import { SPIN } from '../hardware/cpu/opcodes';
import { isPrivate } from './held-memory';
import { translate } from './host';
import { enterLine } from './line-tlb';
import { collectLines, dropLinesBefore, isCode, lineIn } from './lines';
import { entryFor, holdsLines, isSpecial, isTracked, missedAccess, operandAt } from './memory';
import { opcodeOf } from './operand';
import { idOf, letOthersCatchUp, timeOf } from './order';
import { exitSpin, spin } from './spin';
import { stopForAccess } from './stop';
import { whole } from './ticks';

// @ts-ignore: decorator
@inline
function entryOf(record: usize): usize {
  return (record >> 3) + load<u32>(ORDER_ENTRIES);
}

/** Counts a way to a record. True: it will not be translated any more, or has been. */
// @ts-ignore: decorator
@inline
export function isSettled(cpu: usize, record: usize): bool {
  const count = load<u32>(entryOf(record));
  return count >= load<u32>(ORDER_TRANSLATE_AFTER) || becomesSettled(cpu, record, count + 1);
}

function becomesSettled(cpu: usize, record: usize, count: u32): bool {
  store<u32>(entryOf(record), count);
  if (count < load<u32>(ORDER_TRANSLATE_AFTER)) return false;
  translate(idOf(cpu), u32(record));
  return true;
}

/** Executes translated code from `pc` on; returns the record to go on with. */
// @ts-ignore: decorator
@inline
export function enterRegion(cpu: usize, pc: usize, now: u64, retired: u64): usize {
  const entry = entryOf(pc);
  return call_indirect<usize>(load<u16>(entry, ENTRY_REGION), cpu, load<u32>(entry), now, retired);
}

/**
 * The bytes at `va`, which are not in one line that the line TLB has, for translated code at `now`; and above the lower 32
 * bits the ticks that lines took to come. `how` says how many they are and how they are accessed (REGION_*). No operand: it
 * has stopped, or crosses a page to write, which is left to the interpreter.
 */
export function accessFromRegion(cpu: usize, va: u64, how: u32, now: u64, retired: u64): u64 {
  const length = (how >> REGION_LENGTH_SHIFT) & REGION_LENGTH;
  const access = how & REGION_ACCESS;
  const last = va + length;
  const entry = entryFor(cpu, va);
  const write = access != ACCESS_READ;
  if (isPrivate(entry, last, write)) return entered(cpu, entry, va, last, isPrivate(entry, last, true));
  if (isTracked(entry, last, write)) {
    const page = load<u32>(entry, TLB_INFO);
    if (holdsLines(cpu, entry, va, last, write)) return entered(cpu, entry, va, last, write);
    const first = lineIn(page, u32(va));
    const second = lineIn(page, u32(last));
    if (mayGetLines(first, second, write)) {
      store<u32>(cpu, 0, CPU_MARK_BRANCH);
      const haveCome = getLinesWithin(cpu, first, second, how, now, retired);
      const ticks = (whole(timeOf(cpu)) - now) << 32;
      if (haveCome) return ticks | entered(cpu, entry, va, last, write);
      stopForAccess(cpu, STOP_LINE_MISS, va, length + 1, access, page);
      return ticks;
    }
  }
  if (isSpecial(entry, last)) return stopForAccess(cpu, STOP_SPECIAL, va, length + 1, access, 0);
  if (write && (va ^ last) >> 12 != 0) return 0;
  return missedAccess(cpu, va, length + 1, access, how & REGION_STACK);
}

/** The operand [va, last] on the page of `entry`, which may be read, and written with `write`. */
function entered(cpu: usize, entry: usize, va: u64, last: u64, write: bool): usize {
  if ((va ^ last) >> 6 == 0) enterLine(cpu, entry, va, write);
  return operandAt(entry, va);
}

/** Not where code would have to go, which may be what runs; nor stop by stop, nor under observation. */
function mayGetLines(first: u32, second: u32, write: bool): bool {
  if ((load<u32>(ORDER_STEPPED) | load<u32>(ORDER_OBSERVED)) != 0) return false;
  return !write || !(isCode(first) || (first != second && isCode(second)));
}

/**
 * Gets the lines that translated code at `now` needs. True: they have come without leaving it, and the instructions that
 * follow still fit before the limit, which may be a new one.
 */
function getLinesWithin(cpu: usize, first: u32, second: u32, how: u32, now: u64, retired: u64): bool {
  const write = (how & REGION_ACCESS) != ACCESS_READ;
  store<f64>(cpu, f64(i64(now)), CPU_NOW);
  dropLinesBefore(cpu, retired);
  let limit = load<u64>(cpu, CPU_LIMIT);
  let haveCome = false;
  while (true) {
    haveCome = collectLines(cpu, first, second, write);
    if (haveCome || !letOthersCatchUp(cpu)) break;
    limit = u64.MAX_VALUE;
  }
  limit = min(limit, whole(load<f64>(ORDER_LIMIT)));
  store<u64>(cpu, limit, CPU_LIMIT);
  return haveCome && whole(timeOf(cpu)) + (how >> REGION_REST_SHIFT) < limit;
}

/** The branch of a spin loop, or out of one; CPU_EXTRA_TICKS have to pass as well. */
export function spinFromRegion(cpu: usize, pc: usize, now: u64): usize {
  return opcodeOf(pc) == SPIN ? spin(cpu, pc, now) : exitSpin(cpu, pc);
}
