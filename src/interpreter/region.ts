// Translated code: how often a record is gone to before the host is asked to translate what begins there, how it is
// entered, and what it calls.
import {
  ACCESS_READ,
  CPU_LIMIT,
  CPU_NOW,
  CPU_RETIRED,
  CPU_STOP,
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
  STOP_LIMIT,
  STOP_LINE_MISS,
  TLB_ADDEND,
} from '../hardware/cpu/layout';
import { SPIN } from '../hardware/cpu/opcodes';
import { letOthersCatchUp } from './catching-up';
import { translate } from './host';
import { areFreeOfCode, getLines } from './lines';
import { findEntry, missedAccess } from './memory';
import { opcodeOf } from './operand';
import { idOf, timeOf } from './order';
import { exitSpin, spin } from './spin';
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
 * The bytes at `va`, which are neither on a private page of the TLB nor in lines that the CPU holds, for translated code at
 * `now`; and above the lower 32 bits the ticks that the lines took to come. `how` says how many they are and how they are
 * accessed (REGION_*). No operand: it has stopped, or crosses a page to write, which is left to the interpreter.
 */
export function accessFromRegion(cpu: usize, va: u64, how: u32, now: u64, retired: u64): u64 {
  const length = (how >> REGION_LENGTH_SHIFT) & REGION_LENGTH;
  const size = length + 1;
  const access = how & REGION_ACCESS;
  const stack = how & REGION_STACK;
  if (access != ACCESS_READ && (va ^ (va + length)) >> 12 != 0) return 0;
  const limit = load<u64>(cpu, CPU_LIMIT);
  const operand = missedAccess(cpu, va, size, access, stack);
  if (operand != 0 || load<u32>(cpu, CPU_STOP) != STOP_LINE_MISS) return operand;
  if ((load<u32>(ORDER_STEPPED) | load<u32>(ORDER_OBSERVED)) != 0) return 0;
  const ticks = getLinesWithin(cpu, now, retired, how >> REGION_REST_SHIFT, limit) << 32;
  if (load<u64>(cpu, CPU_LIMIT) == 0) return ticks;
  return ticks | (load<u32>(findEntry(cpu, va, va & ~u64(0xfff)), TLB_ADDEND) + (u32(va) & 0xfff));
}

/**
 * Gets the lines for which translated code has just stopped. If they come without leaving it, and the instructions that follow
 * still fit before the limit, the run goes on. Returns the ticks that have passed.
 */
function getLinesWithin(cpu: usize, now: u64, retired: u64, rest: u32, limit: u64): u64 {
  if (!areFreeOfCode(cpu)) return 0;
  const before = load<u64>(cpu, CPU_RETIRED);
  store<f64>(cpu, f64(i64(now)), CPU_NOW);
  store<u64>(cpu, retired, CPU_RETIRED);
  let newLimit = limit;
  let haveCome = getLines(cpu);
  while (!haveCome && letOthersCatchUp(cpu)) {
    newLimit = u64.MAX_VALUE;
    haveCome = getLines(cpu);
  }
  store<u64>(cpu, before, CPU_RETIRED);
  const then = whole(timeOf(cpu));
  newLimit = min(newLimit, whole(load<f64>(ORDER_LIMIT)));
  if (haveCome && then + rest < newLimit) {
    store<u64>(cpu, newLimit, CPU_LIMIT);
    store<u32>(cpu, STOP_LIMIT, CPU_STOP);
  }
  return then - now;
}

/** The branch of a spin loop, or out of one; CPU_EXTRA_TICKS have to pass as well. */
export function spinFromRegion(cpu: usize, pc: usize, now: u64): usize {
  return opcodeOf(pc) == SPIN ? spin(cpu, pc, now) : exitSpin(cpu, pc);
}
