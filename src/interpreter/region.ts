// Translated code: how often a record is gone to before the host is asked to translate what begins there, how it is
// entered, and what it calls.
import { ACCESS_READ, ENTRY_BLOCK, ENTRY_REGION, ORDER_ENTRIES, ORDER_TRANSLATE_AFTER } from '../hardware/cpu/layout';
import { TRANSLATED } from '../hardware/cpu/opcodes';
import { R_OP } from '../hardware/cpu/record';
import { translate } from './host';
import { slowAccess } from './memory';
import { idOf } from './order';

// @ts-ignore: decorator
@inline
function entryOf(record: usize): usize {
  return (record >> 3) + load<u32>(ORDER_ENTRIES);
}

/** Counts a way to a record. True: it will not be translated any more, or has been. */
export function isSettled(cpu: usize, record: usize): bool {
  if (i32(load<u16>(record, R_OP)) >= TRANSLATED) return true;
  const entry = entryOf(record);
  const count = load<u32>(entry) + 1;
  const enough = load<u32>(ORDER_TRANSLATE_AFTER);
  store<u32>(entry, count);
  if (count == enough) translate(idOf(cpu), u32(record));
  return count >= enough;
}

/** Executes translated code from `pc` on; returns the record to go on with. */
// @ts-ignore: decorator
@inline
export function enterRegion(cpu: usize, pc: usize, now: u64): usize {
  const entry = entryOf(pc);
  return call_indirect<usize>(load<u16>(entry, ENTRY_REGION), cpu, u32(load<u16>(entry, ENTRY_BLOCK)), now);
}

/**
 * The operand of an access that misses the TLB, for translated code. 0: it has stopped, or crosses a page to write, which
 * is left to the interpreter.
 */
export function accessFromRegion(cpu: usize, va: u64, size: u32, access: u32, stack: u32): usize {
  if (access != ACCESS_READ && (va ^ (va + (size - 1))) >> 12 != 0) return 0;
  return slowAccess(cpu, va, size, access, stack);
}
