// Spin branches: the taken edge of a loop that carries nothing from pass to pass. Two passes in a row of exactly the
// loop's own length prove that the CPU is idle until a line it reads is taken or an event comes.
import {
  CPU_ATTENTION,
  CPU_COST_SPIN_EXIT,
  CPU_COUNT_PAUSE,
  CPU_COUNT_RDTSC,
  CPU_COUNT_SPIN_EXIT,
  CPU_CPL,
  CPU_EXTRA_TICKS,
  CPU_FAST_FORWARD,
  CPU_LOST_LINE_AT,
  CPU_MARK_BRANCH,
  CPU_MARK_TIME,
  CPU_PARK_AHEAD,
  CPU_PARK_D,
  CPU_PARK_EXECUTED,
  CPU_PARK_N,
  CPU_PARK_PAUSES,
  CPU_PLE_GAP,
  CPU_PLE_ON,
  CPU_RDTSC_SLOW,
  CPU_SHADOW,
  CPU_SPIN_BRANCH,
  CPU_SPIN_TICKS,
  CPU_STOP,
  ORDER_OBSERVED,
  STOP_LIMIT,
  STOP_PARKED,
} from '../hardware/cpu/layout';
import { R_C, R_COST, R_INSTRUCTIONS, R_INTERVAL, R_PAUSES, R_RDTSCS, R_TICKS } from '../hardware/cpu/record';
import { target } from './control';
import { condition } from './flags';
import { after } from './operand';
import { isHosts } from './order';
import { stop } from './stop';

export function spin(cpu: usize, pc: usize, now: u64): usize {
  if (!condition(cpu, load<u8>(pc, R_C))) return leaveSpin(cpu, pc);
  store<u32>(cpu, u32(pc), CPU_SPIN_BRANCH);
  const passStart = now + load<u16>(pc, R_COST);
  const ticks: u64 = load<u32>(pc, R_TICKS);
  const head = target(cpu, pc);
  const rdtscs: u64 = load<u8>(pc, R_RDTSCS);
  const idle =
    load<u32>(cpu, CPU_MARK_BRANCH) == u32(pc) &&
    passStart - load<u64>(cpu, CPU_MARK_TIME) == ticks &&
    (rdtscs == 0 || load<u32>(cpu, CPU_RDTSC_SLOW) == 0);
  store<u32>(cpu, u32(pc), CPU_MARK_BRANCH);
  store<u64>(cpu, passStart, CPU_MARK_TIME);
  if (idle) {
    store<u64>(cpu, load<u64>(cpu, CPU_SPIN_TICKS) + ticks, CPU_SPIN_TICKS);
    store<u64>(cpu, load<u64>(cpu, CPU_COUNT_PAUSE) - load<u8>(pc, R_PAUSES), CPU_COUNT_PAUSE);
    store<u64>(cpu, load<u64>(cpu, CPU_COUNT_RDTSC) - rdtscs, CPU_COUNT_RDTSC);
    const mayPark = load<u32>(cpu, CPU_FAST_FORWARD) != 0 && !hasLostLine(cpu, passStart, ticks);
    if (mayPark && !countsTowardsPauseLoopExit(cpu, pc)) park(cpu, pc, ticks);
  }
  return head;
}

function leaveSpin(cpu: usize, pc: usize): usize {
  endSpin(cpu, u32(pc));
  return after(pc);
}

/** The pass is not a whole one; if the branch was taken in the last pass, the processor pays for leaving the loop. */
function endSpin(cpu: usize, branch: u32): void {
  store<u32>(cpu, 0, CPU_MARK_BRANCH);
  if (load<u32>(cpu, CPU_SPIN_BRANCH) != branch) return;
  store<u32>(cpu, 0, CPU_SPIN_BRANCH);
  store<u32>(cpu, load<u32>(cpu, CPU_COST_SPIN_EXIT), CPU_EXTRA_TICKS);
  store<u64>(cpu, load<u64>(cpu, CPU_COUNT_SPIN_EXIT) + 1, CPU_COUNT_SPIN_EXIT);
}

/** What the pass that ends at `now` has read may have been taken since. */
function hasLostLine(cpu: usize, now: u64, ticks: u64): bool {
  return load<f64>(cpu, CPU_LOST_LINE_AT) >= f64(i64(now - ticks));
}

/** Every PAUSE of the loop follows the last one within the gap: the window will expire. */
function countsTowardsPauseLoopExit(cpu: usize, pc: usize): bool {
  if (load<u32>(cpu, CPU_PLE_ON) == 0 || load<u32>(cpu, CPU_CPL) != 0 || load<u8>(pc, R_PAUSES) == 0) return false;
  return load<u32>(pc, R_INTERVAL) <= load<u64>(cpu, CPU_PLE_GAP);
}

function park(cpu: usize, pc: usize, ticks: u64): void {
  describePasses(cpu, pc, ticks, false);
  stop(cpu, STOP_PARKED);
}

function describePasses(cpu: usize, pc: usize, ticks: u64, isAhead: bool): void {
  store<u64>(cpu, ticks, CPU_PARK_D);
  store<u64>(cpu, load<u8>(pc, R_INSTRUCTIONS), CPU_PARK_N);
  store<u32>(cpu, load<u8>(pc, R_PAUSES), CPU_PARK_PAUSES);
  store<u32>(cpu, u32(load<u8>(pc, R_RDTSCS) != 0), CPU_PARK_EXECUTED);
  store<u32>(cpu, u32(isAhead), CPU_PARK_AHEAD);
}

/**
 * A run ends at its limit in front of a spin branch. If that goes to itself, its passes need not be seen: the CPU parks at once.
 * Returns why the run ends.
 */
export function parkAhead(cpu: usize, pc: usize, now: u64): u32 {
  if (load<u8>(pc, R_INSTRUCTIONS) != 1 || load<u32>(cpu, CPU_FAST_FORWARD) == 0) return STOP_LIMIT;
  const isSingle = load<u32>(cpu, CPU_ATTENTION) | load<u32>(cpu, CPU_SHADOW) | load<u32>(ORDER_OBSERVED);
  if (isSingle != 0 || isHosts(cpu) || !condition(cpu, load<u8>(pc, R_C))) return STOP_LIMIT;
  const hasPassed = load<u32>(cpu, CPU_MARK_BRANCH) == u32(pc) && load<u64>(cpu, CPU_MARK_TIME) == now;
  describePasses(cpu, pc, load<u32>(pc, R_TICKS), !hasPassed);
  store<u32>(cpu, u32(pc), CPU_MARK_BRANCH);
  store<u32>(cpu, STOP_PARKED, CPU_STOP);
  return STOP_PARKED;
}

/** A forward exit of a spin loop; R_TICKS is the record of the loop's branch. */
export function exitSpin(cpu: usize, pc: usize): usize {
  if (!condition(cpu, load<u8>(pc, R_C))) return after(pc);
  endSpin(cpu, load<u32>(pc, R_TICKS));
  return target(cpu, pc);
}
