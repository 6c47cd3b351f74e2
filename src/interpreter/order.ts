// Who goes next. Acts, which is what another CPU can see, happen in order of (time, CPU id); events come before acts of
// the same time. See hardware/clock/clock.ts for the rules.
import { ACTIVITY_ACTIVE } from '../hardware/cpu/activity';
import {
  ASLEEP,
  CPU_ACTIVITY,
  CPU_ATTENTION,
  CPU_BLOCKS,
  CPU_EXIT_LENGTH,
  CPU_HOST_TURN,
  CPU_LIMIT,
  CPU_MARK_BRANCH,
  CPU_NOW,
  CPU_RETRY,
  CPU_SHADOW,
  CPU_SLEEP_TICKS,
  CPU_STATE,
  CPU_STOP,
  CPU_STOP_INFO,
  CPU_STOP_SIZE,
  CPU_STRIDE,
  EVENT_DUE,
  EXITS,
  NOBODY,
  ORDER_CPUS,
  ORDER_HORIZON_ID,
  ORDER_HORIZON_TIME,
  ORDER_LIMIT,
  ORDER_NEXT_EVENT,
  ORDER_QUANTUM,
  ORDER_STEPPED,
  PARKED,
  RETRY_BOUNDARY,
  RETRY_INSTRUCTION,
  RETRY_NEW_STOP,
  RETRY_NONE,
  RETRY_STOP,
  RUNNING,
  STOP_EXIT,
  STOP_FLAGS,
  STOP_LIMIT,
  STOP_LINE_MISS,
  STOP_MSR_WRITE,
  STOP_NO_RECORD,
  STOP_PARKED,
  STOP_SLOW,
  STOP_SPECIAL,
  STOP_TLB_MISS,
  SUSPENDED,
  WAITING,
  WALK_DONE,
  WALK_WAITS,
} from '../hardware/cpu/layout';
import * as OP from '../hardware/cpu/opcodes';
import { R_LENGTH } from '../hardware/cpu/record';
import { accessApicPage } from './apic-page';
import { handleEvents } from './boundary';
import { handleArrival, isArrivalNext } from './events';
import { findCode } from './instruction-tlb';
import { executeHlt } from './halt';
import { getLines, isCodeWanted } from './lines';
import { DONE, HOST, PASS, WAIT } from './microcode';
import { writeMsr } from './msr-write';
import { opcodeOf } from './operand';
import { lastInstruction, park, passOver } from './parking';
import { run } from './run';
import { earlier, later, whole } from './ticks';
import { fillForAccess } from './tlb';

/** WebAssembly changes tiers only between calls, so a run never gets more than this at once. */
const LONGEST_RUN_TICKS: f64 = 8388608;

/** What `advanceOnce` returns when the host is not needed. */
const NEEDS_NOTHING: i32 = i32.MIN_VALUE;

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

/** Does the host run this CPU at this moment, stop by stop? */
// @ts-ignore: decorator
@inline
export function isHosts(cpu: usize): bool {
  return (load<u32>(cpu, CPU_HOST_TURN) | load<u32>(ORDER_STEPPED)) != 0;
}

/** Neither parked nor asleep nor absent. */
// @ts-ignore: decorator
@inline
function takesPart(cpu: usize): bool {
  return load<u32>(cpu, CPU_STATE) - RUNNING <= u32(SUSPENDED - RUNNING);
}

/** True when something precedes (time, id) of the CPU: it must not act yet. */
export function mustWait(cpu: usize): bool {
  const now = timeOf(cpu);
  if (load<f64>(ORDER_NEXT_EVENT) <= now) return true;
  const horizon = load<f64>(ORDER_HORIZON_TIME);
  if (now < horizon) return false;
  return now > horizon || i32(idOf(cpu)) > load<i32>(ORDER_HORIZON_ID);
}

/**
 * The first CPU in order, or 0. How far it may go, and the horizon behind which it must not act, follow from the others.
 */
function next(): usize {
  let first: usize = 0;
  let firstTime = Infinity;
  let horizon: usize = 0;
  let horizonTime = Infinity;
  // How far others let it go: those before it in memory, and those behind, which it precedes at the same time.
  let limitBefore = Infinity;
  let limitBehind = Infinity;
  const end = cpuEnd();
  for (let cpu: usize = CPU_BLOCKS; cpu < end; cpu += CPU_STRIDE) {
    if (!takesPart(cpu)) continue;
    const time = timeOf(cpu);
    if (time >= firstTime) {
      limitBehind = earlier(limitBehind, lentBy(cpu));
      if (time >= horizonTime) continue;
      horizon = cpu;
      horizonTime = time;
    } else {
      if (first != 0) limitBefore = earlier(earlier(limitBefore, limitBehind), lentBy(first));
      limitBehind = Infinity;
      horizon = first;
      horizonTime = firstTime;
      first = cpu;
      firstTime = time;
    }
  }
  const limit = earlier(firstTime + LONGEST_RUN_TICKS, load<f64>(ORDER_NEXT_EVENT));
  store<f64>(ORDER_LIMIT, earlier(limit, earlier(limitBefore, limitBehind + 1)));
  store<f64>(ORDER_HORIZON_TIME, horizonTime);
  store<i32>(ORDER_HORIZON_ID, horizon == 0 ? -1 : idOf(horizon));
  return first;
}

/** Until when others need not look at what this CPU does: it lends nothing while it waits to act. */
// @ts-ignore: decorator
@inline
function lentBy(cpu: usize): f64 {
  return load<u32>(cpu, CPU_STATE) == RUNNING ? timeOf(cpu) + load<f64>(ORDER_QUANTUM) : timeOf(cpu);
}

/**
 * Nobody precedes `time`: until then nothing reaches a CPU but what is taken from it, data or code. An act at `time` sends
 * no event that comes before.
 */
export function outOfReachAt(time: f64): f64 {
  return earlier(load<f64>(ORDER_NEXT_EVENT), time + load<f64>(ORDER_QUANTUM));
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
  store<f64>(ORDER_LIMIT, earlier(load<f64>(ORDER_LIMIT), now + load<f64>(ORDER_QUANTUM)));
}

/** Brings a parked CPU up to something at (at, byCpu) that touches it, and that a pass does not see behind `decided` ticks. */
export function settle(cpu: usize, at: f64, byCpu: i32, decided: f64): void {
  passOver(cpu, at, byCpu, decided);
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
  if (target >= 0) return settleOne(blockOf(target), at);
  let behind = false;
  const end = cpuEnd();
  for (let cpu: usize = CPU_BLOCKS; cpu < end; cpu += CPU_STRIDE) behind = settleOne(cpu, at) || behind;
  return behind;
}

/** Brings one CPU, if it is parked, up to an event at `at`. True: it has to run first. */
export function settleOne(cpu: usize, at: f64): bool {
  if (load<u32>(cpu, CPU_STATE) != PARKED) return false;
  settle(cpu, at, i32.MAX_VALUE, lastInstruction(cpu));
  return timeOf(cpu) < at;
}

/**
 * Lets CPU after CPU run, beginning with `current` unless it is negative, until the host is needed: by the CPU that is
 * returned, for an event of its own (EVENT_DUE), or because there is nobody left (NOBODY).
 */
export function advance(current: i32): i32 {
  if (current >= 0 && !takesTurn(blockOf(current))) return current;
  let needed: i32;
  do needed = advanceOnce(next());
  while (needed == NEEDS_NOTHING);
  return needed;
}

/** The next arrival, or turn of `cpu`. A function of its own, which changes tiers: what loops over it may never return. */
function advanceOnce(cpu: usize): i32 {
  const event = load<f64>(ORDER_NEXT_EVENT);
  if (cpu == 0 || event <= timeOf(cpu)) {
    if (event == Infinity) return NOBODY;
    if (!isArrivalNext()) return EVENT_DUE;
    handleArrival();
    return NEEDS_NOTHING;
  }
  store<u32>(cpu, RUNNING, CPU_STATE);
  return takesTurn(cpu) ? NEEDS_NOTHING : idOf(cpu);
}

/**
 * For a CPU that waits in the middle of its turn: lets those that precede it catch up with it, in order, as long as none of
 * them needs the host. True: it is next, with a new limit (ORDER_LIMIT), and has still nothing to look at.
 */
export function letOthersCatchUp(cpu: usize): bool {
  if (standsAlone(cpu) || isHosts(cpu)) return false;
  store<u32>(cpu, SUSPENDED, CPU_STATE);
  let first = next();
  while (first != cpu || load<f64>(ORDER_NEXT_EVENT) <= timeOf(cpu)) {
    const before = timeOf(first);
    // A turn that is suspended itself can go on only when this one has ended.
    const cannot = first != cpu && (load<u32>(first, CPU_STATE) == SUSPENDED || isHosts(first));
    if (cannot || advanceOnce(first) != NEEDS_NOTHING || isStuck(first, before)) {
      store<f64>(ORDER_HORIZON_TIME, -Infinity);
      store<f64>(ORDER_LIMIT, 0);
      break;
    }
    first = next();
  }
  store<u32>(cpu, RUNNING, CPU_STATE);
  return !mustWait(cpu) && !standsAlone(cpu);
}

/** After a turn at time `at` the CPU waits there, although it was next: for one that is suspended. */
function isStuck(cpu: usize, at: f64): bool {
  return load<u32>(cpu, CPU_STATE) == WAITING && timeOf(cpu) == at;
}

/** Lets the CPU run until its turn is over. False: it needs the host before. */
function takesTurn(cpu: usize): bool {
  if (isHosts(cpu)) return false;
  while (true) {
    const retry = load<u32>(cpu, CPU_RETRY);
    const isAtBoundary = retry == RETRY_NONE || retry == RETRY_BOUNDARY;
    const looksForEvents = isAtBoundary && load<u32>(cpu, CPU_ATTENTION) != 0;
    if (!looksForEvents && load<u32>(cpu, CPU_ACTIVITY) != ACTIVITY_ACTIVE) {
      store<u32>(cpu, ASLEEP, CPU_STATE);
      return true;
    }
    if (retry == RETRY_NONE && timeOf(cpu) >= load<f64>(ORDER_LIMIT)) return true;
    let outcome: u32;
    if (looksForEvents) {
      outcome = handleEvents(cpu);
      if (outcome == HOST) return needsHost(cpu);
      if (outcome == WAIT) return waits(cpu, RETRY_BOUNDARY);
      store<u32>(cpu, RETRY_NONE, CPU_RETRY);
    } else {
      const shadow = load<u32>(cpu, CPU_SHADOW);
      const stop = retry == RETRY_STOP ? load<u32>(cpu, CPU_STOP) : execute(cpu, retry);
      if (stop == STOP_PARKED) {
        store<u32>(cpu, RETRY_NONE, CPU_RETRY);
        if (park(cpu)) return true;
        continue;
      }
      outcome = handleStop(cpu, stop);
      if (outcome == HOST) {
        store<u32>(cpu, RETRY_NEW_STOP, CPU_RETRY);
        return needsHost(cpu);
      }
      if (outcome == WAIT) return waits(cpu, retryOf(load<u32>(cpu, CPU_STOP)));
      store<u32>(cpu, outcome == PASS ? RETRY_INSTRUCTION : RETRY_NONE, CPU_RETRY);
      if (shadow != 0 && hasCompleted(cpu, outcome)) endShadow(cpu, shadow);
    }
    if (outcome == EXITS) {
      store<u32>(cpu, STOP_EXIT, CPU_STOP);
      store<u32>(cpu, RETRY_NEW_STOP, CPU_RETRY);
      return needsHost(cpu);
    }
  }
}

/** The instruction at hand is over. It is not if it has to run once more, or if it is what causes a VM exit. */
function hasCompleted(cpu: usize, outcome: u32): bool {
  return outcome == DONE || (outcome == EXITS && load<u32>(cpu, CPU_EXIT_LENGTH) == 0);
}

/** The instruction that blocking by `shadow` was for has completed. */
function endShadow(cpu: usize, shadow: u32): void {
  store<u32>(cpu, load<u32>(cpu, CPU_SHADOW) & ~shadow, CPU_SHADOW);
  store<u32>(cpu, 1, CPU_ATTENTION);
}

/**
 * The limit keeps a CPU from reading what others may store before. An instruction that reads nothing can be executed behind it
 * at `now`, unless an event may come by then, or a store to code.
 */
export function mayPassLimit(cpu: usize, now: u64): bool {
  if (standsAlone(cpu) || isHosts(cpu) || isCodeWanted()) return false;
  let first = Infinity;
  const end = cpuEnd();
  for (let other: usize = CPU_BLOCKS; other < end; other += CPU_STRIDE) {
    if (other != cpu && takesPart(other)) first = earlier(first, timeOf(other));
  }
  return f64(i64(now)) < outOfReachAt(first);
}

/** In a shadow, and before pending events have been looked at, one instruction is executed by itself. */
function standsAlone(cpu: usize): bool {
  return (load<u32>(cpu, CPU_ATTENTION) | load<u32>(cpu, CPU_SHADOW)) != 0;
}

/** An instruction that has waited runs at once. */
function execute(cpu: usize, retry: u32): u32 {
  const limit = standsAlone(cpu) ? timeOf(cpu) + 1 : load<f64>(ORDER_LIMIT);
  store<u64>(cpu, whole(retry == RETRY_NONE ? limit : later(limit, timeOf(cpu) + 1)), CPU_LIMIT);
  return run(cpu);
}

/** What the interpreter does itself about its stop. DONE; PASS: the instruction runs once more; WAIT, EXITS; HOST. */
function handleStop(cpu: usize, stop: u32): u32 {
  switch (stop) {
    case STOP_LIMIT:
      return DONE;
    case STOP_LINE_MISS:
      return getLines(cpu) || (letOthersCatchUp(cpu) && getLines(cpu)) ? PASS : WAIT;
    case STOP_TLB_MISS:
      return outcomeOf(fillForAccess(cpu));
    case STOP_NO_RECORD:
      return findCode(cpu) ? PASS : HOST;
    case STOP_FLAGS:
      store<u32>(cpu, 1, CPU_ATTENTION);
      return DONE;
    case STOP_SPECIAL:
      return accessApicPage(cpu);
    case STOP_SLOW:
      return executeSlow(cpu, load<u32>(cpu, CPU_STOP_INFO));
    case STOP_MSR_WRITE: {
      // What was decoded when it stopped may be gone.
      const outcome = writeMsr(cpu);
      return outcome == HOST ? PASS : outcome;
    }
    default:
      return HOST;
  }
}

/** Of the instructions that the run loop leaves out, at most some cases are left to the host. */
function executeSlow(cpu: usize, record: usize): u32 {
  const op = opcodeOf(record);
  if (op == OP.HLT) return executeHlt(cpu, record);
  if (op != OP.WRMSR) return HOST;
  store<u32>(cpu, load<u8>(record, R_LENGTH), CPU_STOP_SIZE);
  const outcome = writeMsr(cpu);
  if (outcome == WAIT) store<u32>(cpu, STOP_MSR_WRITE, CPU_STOP);
  return outcome;
}

/** A walk that faults is the host's from its beginning. */
function outcomeOf(walked: i32): u32 {
  return walked == WALK_DONE ? PASS : walked == WALK_WAITS ? WAIT : HOST;
}

/** What goes on when a CPU has waited for what this stop needs. */
function retryOf(stop: u32): u32 {
  return stop == STOP_SPECIAL || stop == STOP_TLB_MISS ? RETRY_INSTRUCTION : RETRY_STOP;
}

function waits(cpu: usize, retry: u32): bool {
  store<u32>(cpu, retry, CPU_RETRY);
  store<u32>(cpu, WAITING, CPU_STATE);
  return true;
}

function needsHost(cpu: usize): bool {
  store<u32>(cpu, 1, CPU_HOST_TURN);
  return false;
}
