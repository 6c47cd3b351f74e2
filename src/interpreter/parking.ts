// Spin loops that are passed over instead of executed: when a CPU may park in one, what it must look up for meanwhile,
// and what it has done when it does. spin.ts proves that the loop is idle.
import {
  CPU_LOOP,
  CPU_LOOP_KIND,
  CPU_LOOP_LAST_READ,
  CPU_LOOP_READS,
  CPU_LOOP_READ_COUNT,
  CPU_MARK_BRANCH,
  CPU_MARK_TIME,
  CPU_NOW,
  CPU_PARK_AHEAD,
  CPU_PARK_D,
  CPU_PARK_EXECUTED,
  CPU_PARK_LINES,
  CPU_PARK_LINE_COUNT,
  CPU_PARK_N,
  CPU_PARK_PAUSES,
  CPU_PLE_FIRST,
  CPU_PLE_LAST,
  CPU_PLE_ON,
  CPU_RETIRED,
  CPU_RIP,
  CPU_SPIN_BRANCH,
  CPU_SPIN_TICKS,
  CPU_STATE,
  LOOP_NONE,
  LOOP_READ_BASE,
  LOOP_READ_BYTES,
  LOOP_READ_DISPLACEMENT,
  LOOP_READ_INDEX,
  LOOP_READ_IN_CODE,
  LOOP_READ_SEGMENT,
  LOOP_READ_SHIFT,
  LOOP_READ_SIZE,
  LOOP_TSC,
  ORDER_RAM,
  PARKED,
  UNKNOWN_LINES,
} from '../hardware/cpu/layout';
import { R_COST } from '../hardware/cpu/record';
import { describeLoop, waitsForTsc } from './host';
import { later, whole } from './ticks';
import { canonical, findEntry, isReadable, operandAt } from './memory';
import { idOf, timeOf } from './order';

/** Parks the CPU at the head of its loop; false when another pass has to be executed first. */
export function park(cpu: usize): bool {
  if (load<u32>(cpu, CPU_LOOP) != load<u32>(cpu, CPU_MARK_BRANCH)) describeLoop(idOf(cpu));
  const kind = load<u32>(cpu, CPU_LOOP_KIND);
  if (kind == LOOP_NONE || (kind == LOOP_TSC && waitsForTsc(idOf(cpu)) == 0)) return false;
  store<u32>(cpu, findLines(cpu), CPU_PARK_LINE_COUNT);
  store<u32>(cpu, PARKED, CPU_STATE);
  return true;
}

/** Lists the lines that the loop reads, at the registers' present values; returns how many, or UNKNOWN_LINES. */
function findLines(cpu: usize): u32 {
  const reads = load<u32>(cpu, CPU_LOOP_READ_COUNT);
  if (reads == UNKNOWN_LINES) return UNKNOWN_LINES;
  let to = cpu + CPU_PARK_LINES;
  const end = cpu + CPU_LOOP_READS + reads * LOOP_READ_SIZE;
  for (let read = cpu + CPU_LOOP_READS; read < end; read += LOOP_READ_SIZE) {
    const va = addressOf(cpu, read);
    const last = va + load<u32>(read, LOOP_READ_BYTES) - 1;
    const line = lineOf(cpu, va);
    if (line == UNKNOWN_LINES) return UNKNOWN_LINES;
    store<u32>(to, line);
    to += 4;
    if ((va ^ last) >> 6 == 0) continue;
    const next = lineOf(cpu, last);
    if (next == UNKNOWN_LINES) return UNKNOWN_LINES;
    store<u32>(to, next);
    to += 4;
  }
  return u32(to - cpu - CPU_PARK_LINES) >> 2;
}

function addressOf(cpu: usize, read: usize): u64 {
  const origin = load<u32>(read, LOOP_READ_IN_CODE) != 0 ? load<u64>(cpu, CPU_RIP) & ~u64(0xfff) : 0;
  return (
    origin +
    load<u64>(read, LOOP_READ_DISPLACEMENT) +
    load<u64>(cpu + load<u32>(read, LOOP_READ_BASE)) +
    (load<u64>(cpu + load<u32>(read, LOOP_READ_INDEX)) << u64(load<u32>(read, LOOP_READ_SHIFT))) +
    load<u64>(cpu + load<u32>(read, LOOP_READ_SEGMENT))
  );
}

/** Number of the line of `va`, or UNKNOWN_LINES if the TLB does not have it. */
function lineOf(cpu: usize, va: u64): u32 {
  const page = va & ~u64(0xfff);
  const entry = findEntry(cpu, va, page);
  if (!canonical(va) || !isReadable(entry, page)) return UNKNOWN_LINES;
  return (u32(operandAt(entry, va)) - load<u32>(ORDER_RAM)) >> 6;
}

/** While parked: the loop may read the line of physical address `pa`. */
export function mayRead(cpu: usize, pa: u32): bool {
  const count = load<u32>(cpu, CPU_PARK_LINE_COUNT);
  if (count == UNKNOWN_LINES) return true;
  for (let index: u32 = 0; index < count; index++) {
    if (load<u32>(cpu + (index << 2), CPU_PARK_LINES) == pa >> 6) return true;
  }
  return false;
}

/** Ticks per pass of the loop that the CPU is parked in. */
export function passTicks(cpu: usize): f64 {
  return f64(load<i64>(cpu, CPU_PARK_D));
}

/** When, in a pass, its last instruction begins: behind that there is no boundary at which anything could find the CPU. */
export function lastInstruction(cpu: usize): f64 {
  return passTicks(cpu) - f64(load<u16>(load<u32>(cpu, CPU_MARK_BRANCH), R_COST));
}

/** When, in a pass, the last instruction begins that reads memory: what is stored behind that does not change the pass. */
export function lastRead(cpu: usize): f64 {
  return f64(load<u32>(cpu, CPU_LOOP_LAST_READ));
}

/**
 * Accounts for the idle passes that end before (at, byCpu), and for the one under way then if more than `decided` of its ticks
 * have passed; otherwise that is to be executed.
 */
export function passOver(cpu: usize, at: f64, byCpu: i32, decided: f64): void {
  const now = timeOf(cpu);
  const ticks = passTicks(cpu);
  let passes = later(0, Math.floor((at - now) / ticks));
  if (passes > 0 && !precedes(cpu, now + passes * ticks, at, byCpu)) passes--;
  const executed = load<u32>(cpu, CPU_PARK_EXECUTED);
  passes = later(0, passes - f64(executed));
  if (executed == 0 && now + passes * ticks + decided < at) passes++;
  const total = whole(passes * ticks);
  store<f64>(cpu, now + passes * ticks, CPU_NOW);
  add(cpu + CPU_RETIRED, whole(passes) * load<u64>(cpu, CPU_PARK_N));
  add(cpu + CPU_SPIN_TICKS, total);
  if (load<u32>(cpu, CPU_PARK_PAUSES) != 0 && load<u32>(cpu, CPU_PLE_ON) != 0) {
    add(cpu + CPU_PLE_LAST, total);
    add(cpu + CPU_PLE_FIRST, total);
  }
  store<u64>(cpu, whole(timeOf(cpu)), CPU_MARK_TIME);
  if (load<u32>(cpu, CPU_PARK_AHEAD) != 0) beginSpin(cpu, passes > 0);
}

/** The CPU has parked in front of its first pass, which is not idle yet; perhaps it has not come to that either. */
function beginSpin(cpu: usize, hasPassed: bool): void {
  if (hasPassed) {
    store<u32>(cpu, load<u32>(cpu, CPU_MARK_BRANCH), CPU_SPIN_BRANCH);
    add(cpu + CPU_SPIN_TICKS, -load<u64>(cpu, CPU_PARK_D));
  } else store<u32>(cpu, 0, CPU_MARK_BRANCH);
}

function precedes(cpu: usize, time: f64, at: f64, byCpu: i32): bool {
  return time < at || (time == at && i32(idOf(cpu)) < byCpu);
}

function add(at: usize, value: u64): void {
  store<u64>(at, load<u64>(at) + value);
}
