// Who goes next. Acts, which is what another CPU can see, happen in order of (time, CPU id); events come before acts of
// the same time. See hardware/clock/clock.ts for the rules.
import {
  ASLEEP,
  CPU_ATTENTION,
  CPU_BLOCKS,
  CPU_HOST_TURN,
  CPU_LIMIT,
  CPU_MARK_BRANCH,
  CPU_NOW,
  CPU_RETRY,
  CPU_SLEEP_TICKS,
  CPU_STATE,
  CPU_STOP,
  CPU_STRIDE,
  EVENT_DUE,
  NOBODY,
  ORDER_CPUS,
  ORDER_HORIZON_ID,
  ORDER_HORIZON_TIME,
  ORDER_LIMIT,
  ORDER_NEXT_EVENT,
  ORDER_QUANTUM,
  ORDER_STEPPED,
  PARKED,
  RETRY_INSTRUCTION,
  RETRY_NEW_STOP,
  RETRY_NONE,
  RETRY_STOP,
  RUNNING,
  STOP_LIMIT,
  STOP_LINE_MISS,
  STOP_PARKED,
  WAITING,
} from '../hardware/cpu/layout';
import { handleArrival, isArrivalNext } from './events';
import { getLines } from './lines';
import { park, passOver } from './parking';
import { run } from './run';

/** WebAssembly changes tiers only between calls, so a run never gets more than this at once. */
const LONGEST_RUN_TICKS: f64 = 8388608;

// @ts-ignore: decorator
@inline
export function cpuEnd(): usize {
  return CPU_BLOCKS + load<u32>(ORDER_CPUS) * CPU_STRIDE;
}

// @ts-ignore: decorator
@inline
export function blockOf(id: u32): usize {
  return CPU_BLOCKS + id * CPU_STRIDE;
}

// @ts-ignore: decorator
@inline
export function idOf(cpu: usize): u32 {
  return (u32(cpu) - CPU_BLOCKS) / CPU_STRIDE;
}

// @ts-ignore: decorator
@inline
export function timeOf(cpu: usize): f64 {
  return load<f64>(cpu, CPU_NOW);
}

/** Neither parked nor asleep nor absent. */
// @ts-ignore: decorator
@inline
function takesPart(cpu: usize): bool {
  return load<u32>(cpu, CPU_STATE) - RUNNING <= u32(WAITING - RUNNING);
}

/** True when something precedes (time, id) of the CPU: it must not act yet. */
export function mustWait(cpu: usize): bool {
  const now = timeOf(cpu);
  if (load<f64>(ORDER_NEXT_EVENT) <= now) return true;
  const horizon = load<f64>(ORDER_HORIZON_TIME);
  return now > horizon || (now == horizon && i32(idOf(cpu)) > load<i32>(ORDER_HORIZON_ID));
}

/** The first CPU in order, or 0; the horizon is set to the second. */
function next(): usize {
  let first: usize = 0;
  let second: usize = 0;
  const end = cpuEnd();
  for (let cpu: usize = CPU_BLOCKS; cpu < end; cpu += CPU_STRIDE) {
    if (!takesPart(cpu)) continue;
    if (first == 0 || timeOf(cpu) < timeOf(first)) {
      second = first;
      first = cpu;
    } else if (second == 0 || timeOf(cpu) < timeOf(second)) {
      second = cpu;
    }
  }
  store<f64>(ORDER_HORIZON_TIME, second == 0 ? Infinity : timeOf(second));
  store<i32>(ORDER_HORIZON_ID, second == 0 ? -1 : idOf(second));
  return first;
}

function limitFor(cpu: usize): f64 {
  let limit = min(timeOf(cpu) + LONGEST_RUN_TICKS, load<f64>(ORDER_NEXT_EVENT));
  const quantum = load<f64>(ORDER_QUANTUM);
  const end = cpuEnd();
  for (let other: usize = CPU_BLOCKS; other < end; other += CPU_STRIDE) {
    if (other == cpu || !takesPart(other)) continue;
    const lent = load<u32>(other, CPU_STATE) == WAITING ? timeOf(other) : timeOf(other) + quantum;
    limit = min(limit, cpu < other ? lent + 1 : lent);
  }
  return limit;
}

/** The CPU (re)enters the order at its time. */
export function activate(cpu: usize): void {
  store<u32>(cpu, RUNNING, CPU_STATE);
  const now = timeOf(cpu);
  const horizon = load<f64>(ORDER_HORIZON_TIME);
  if (now < horizon || (now == horizon && i32(idOf(cpu)) < load<i32>(ORDER_HORIZON_ID))) {
    store<f64>(ORDER_HORIZON_TIME, now);
    store<i32>(ORDER_HORIZON_ID, idOf(cpu));
  }
  store<f64>(ORDER_LIMIT, min(load<f64>(ORDER_LIMIT), now + load<f64>(ORDER_QUANTUM)));
}

/** Brings a parked CPU up to something at (at, byCpu) that touches it. */
export function settle(cpu: usize, at: f64, byCpu: i32): void {
  passOver(cpu, at, byCpu);
  activate(cpu);
}

/** A physical interrupt, NMI, INIT or SIPI has arrived at time `at`. */
export function wake(cpu: usize, at: f64): void {
  store<u32>(cpu, 1, CPU_ATTENTION);
  store<u32>(cpu, 0, CPU_MARK_BRANCH);
  if (load<u32>(cpu, CPU_STATE) != ASLEEP) return;
  const now = timeOf(cpu);
  if (at > now) {
    store<f64>(cpu, load<f64>(cpu, CPU_SLEEP_TICKS) + (at - now), CPU_SLEEP_TICKS);
    store<f64>(cpu, at, CPU_NOW);
  }
  activate(cpu);
}

/** Brings the parked targets of an event at `at` up to it; `target` -1 is all CPUs. True: one has to run first. */
export function settleForEvent(target: i32, at: f64): bool {
  let behind = false;
  const end = cpuEnd();
  for (let cpu: usize = CPU_BLOCKS; cpu < end; cpu += CPU_STRIDE) {
    if ((target >= 0 && cpu != blockOf(target)) || load<u32>(cpu, CPU_STATE) != PARKED) continue;
    settle(cpu, at, i32.MAX_VALUE);
    behind = behind || timeOf(cpu) < at;
  }
  return behind;
}

/**
 * Lets CPU after CPU run, beginning with `current` unless it is negative, until the host is needed: by the CPU that is
 * returned, for an event of its own (EVENT_DUE), or because there is nobody left (NOBODY).
 */
export function advance(current: i32): i32 {
  if (current >= 0 && !takesTurn(blockOf(current))) return current;
  while (true) {
    const cpu = next();
    const event = load<f64>(ORDER_NEXT_EVENT);
    if (cpu == 0 || event <= timeOf(cpu)) {
      if (event == Infinity) return NOBODY;
      if (!isArrivalNext()) return EVENT_DUE;
      handleArrival();
      continue;
    }
    store<u32>(cpu, RUNNING, CPU_STATE);
    store<f64>(ORDER_LIMIT, limitFor(cpu));
    if (!takesTurn(cpu)) return idOf(cpu);
  }
}

/** Lets the CPU run until its turn is over. False: it needs the host before. */
function takesTurn(cpu: usize): bool {
  if (load<u32>(cpu, CPU_HOST_TURN) | load<u32>(ORDER_STEPPED)) return false;
  while (true) {
    if (load<u32>(cpu, CPU_ATTENTION) != 0) return needsHost(cpu);
    const retry = load<u32>(cpu, CPU_RETRY);
    const limit = load<f64>(ORDER_LIMIT);
    if (retry == RETRY_NONE && timeOf(cpu) >= limit) return true;
    if (retry != RETRY_STOP) {
      store<u64>(cpu, u64(i64(retry == RETRY_NONE ? limit : max(limit, timeOf(cpu) + 1))), CPU_LIMIT);
      run(cpu);
    }
    const reason = load<u32>(cpu, CPU_STOP);
    if (reason == STOP_LINE_MISS) {
      const isHere = getLines(cpu);
      store<u32>(cpu, isHere ? RETRY_INSTRUCTION : RETRY_STOP, CPU_RETRY);
      if (isHere) continue;
      store<u32>(cpu, WAITING, CPU_STATE);
      return true;
    }
    if (reason != STOP_LIMIT && reason != STOP_PARKED) {
      store<u32>(cpu, RETRY_NEW_STOP, CPU_RETRY);
      return needsHost(cpu);
    }
    store<u32>(cpu, RETRY_NONE, CPU_RETRY);
    if (reason == STOP_PARKED && park(cpu)) return true;
  }
}

function needsHost(cpu: usize): bool {
  store<u32>(cpu, 1, CPU_HOST_TURN);
  return false;
}
