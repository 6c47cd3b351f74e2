// Translated code: how often a record is gone to before the host is asked to translate what begins there, how it is
// entered, and what it calls.
import { ACCESS_READ, ENTRY_REGION, ORDER_ENTRIES, ORDER_TRANSLATE_AFTER } from '../hardware/cpu/layout';
import { SPIN } from '../hardware/cpu/opcodes';
import { translate } from './host';
import { entryFor, heldLines, missedAccess } from './memory';
import { opcodeOf } from './operand';
import { idOf } from './order';
import { exitSpin, spin } from './spin';

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
export function enterRegion(cpu: usize, pc: usize, now: u64): usize {
  const entry = entryOf(pc);
  return call_indirect<usize>(load<u16>(entry, ENTRY_REGION), cpu, load<u32>(entry), now);
}

/**
 * The operand of an access that misses the TLB, or is to a tracked page, for translated code. 0: it has stopped, or crosses
 * a page to write, which is left to the interpreter.
 */
export function accessFromRegion(cpu: usize, va: u64, size: u32, access: u32, stack: u32): usize {
  const last = va + (size - 1);
  const operand = heldLines(cpu, entryFor(cpu, va), va, last, access != ACCESS_READ);
  if (operand != 0) return operand;
  return access != ACCESS_READ && (va ^ last) >> 12 != 0 ? 0 : missedAccess(cpu, va, size, access, stack);
}

/** The branch of a spin loop, or out of one; CPU_EXTRA_TICKS have to pass as well. */
export function spinFromRegion(cpu: usize, pc: usize, now: u64): usize {
  return opcodeOf(pc) == SPIN ? spin(cpu, pc, now) : exitSpin(cpu, pc);
}
