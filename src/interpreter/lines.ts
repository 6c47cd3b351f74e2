// Who may read and write which cache line of tracked pages: see hardware/memory/lines.ts for the rules. A line goes by
// its number among all lines of tracked pages.
import {
  ACCESS_READ,
  CPU_COLLECTED,
  CPU_COLLECTED_AT,
  CPU_COLLECTED_COUNT,
  CPU_BLOCKS,
  CPU_LINE_ARRIVING,
  CPU_LINE_MASKS,
  CPU_LOST_LINE_AT,
  CPU_MAPPINGS_KNOWN,
  CPU_MONITORED_LINE,
  CPU_ONCE,
  CPU_RETIRED,
  CPU_RUNS_CODE,
  CPU_STATE,
  CPU_STOP_ACCESS,
  CPU_STOP_INFO,
  CPU_STOP_SIZE,
  CPU_STOP_VA,
  CPU_STRIDE,
  HAS_CODE,
  LINE_MASK_SIZE,
  MOST_COLLECTED,
  NO_LINE,
  ORDER_CODE_LINES,
  ORDER_CODE_MAPS,
  ORDER_CPUS,
  ORDER_LINE_BUSY,
  ORDER_LINE_LATENCY,
  ORDER_LINE_OCCUPANCY,
  ORDER_LINE_OWNER,
  ORDER_OBSERVED,
  ORDER_PAGES,
  ORDER_PAGE_OF_INDEX,
  ORDER_RAM,
  ORDER_TRACKED_COUNT,
  ORDER_TRACKED_PAGES,
  PARKED,
  SUSPENDED,
} from '../hardware/cpu/layout';
import { STEP_LINE_TRANSFER } from '../cost/step-numbers';
import { chargeTicks } from './cost';
import { dropCode, lineTaken, loseMonitoredLine, trackPage } from './host';
import { forgetLine } from './line-tlb';
import { findEntry, operandAt } from './memory';
import { blockOf, cpuEnd, idOf, mustWait, outOfReachAt, settle, timeOf } from './order';
import { lastInstruction, lastRead, mayRead, passTicks } from './parking';
import { later } from './ticks';

const MAY_READ: usize = 0;
const MAY_WRITE: usize = 8;

// @ts-ignore: decorator
@inline
function maskOf(cpu: usize, line: u32): usize {
  return load<u32>(cpu, CPU_LINE_MASKS) + (line >> 6) * LINE_MASK_SIZE;
}

// @ts-ignore: decorator
@inline
function bitOf(line: u32): u64 {
  return u64(1) << (line & 63);
}

// @ts-ignore: decorator
@inline
function may(cpu: usize, line: u32, right: usize): bool {
  return (load<u64>(maskOf(cpu, line) + right) & bitOf(line)) != 0;
}

// @ts-ignore: decorator
@inline
function allow(cpu: usize, line: u32, right: usize): void {
  const mask = maskOf(cpu, line) + right;
  store<u64>(mask, load<u64>(mask) | bitOf(line));
}

// @ts-ignore: decorator
@inline
function pageState(pa: u32): i32 {
  return load<i32>(load<u32>(ORDER_PAGES) + ((pa >> 12) << 2));
}

// @ts-ignore: decorator
@inline
function ownerOf(line: u32): u32 {
  return load<u32>(load<u32>(ORDER_LINE_OWNER) + (line << 2));
}

// @ts-ignore: decorator
@inline
function latency(from: u32, to: u32): f64 {
  return load<f64>(load<u32>(ORDER_LINE_LATENCY) + ((from * load<u32>(ORDER_CPUS) + to) << 3));
}

// @ts-ignore: decorator
@inline
function pageOf(line: u32): u32 {
  return load<u32>(load<u32>(ORDER_PAGE_OF_INDEX) + ((line >> 6) << 2));
}

function addressOf(line: u32): u32 {
  return (pageOf(line) << 12) | ((line & 63) << 6);
}

export function isCode(line: u32): bool {
  return (load<u64>(load<u32>(ORDER_CODE_LINES) + (pageOf(line) << 3)) & bitOf(line)) != 0;
}

export function mayReadLine(cpu: usize, line: u32): bool {
  return may(cpu, line, MAY_READ);
}

export function mayWriteLine(cpu: usize, line: u32): bool {
  return may(cpu, line, MAY_WRITE);
}

export function allowReading(cpu: usize, line: u32): void {
  allow(cpu, line, MAY_READ);
}

export function revokeWriting(cpu: usize, line: u32): void {
  const mask = maskOf(cpu, line) + MAY_WRITE;
  store<u64>(mask, load<u64>(mask) & ~bitOf(line));
  forgetLine(cpu, addressOf(line), true);
}

/** No other CPU has touched the page of `pa`. */
// @ts-ignore: decorator
@inline
export function isPrivate(cpu: usize, pa: u32): bool {
  return pageState(pa) == 1 + i32(idOf(cpu));
}

/** Index of the tracked page that holds `pa`, or -1. */
export function trackedIndex(pa: u32): i32 {
  return max(-1, -1 - pageState(pa));
}

// @ts-ignore: decorator
@inline
function codeMapOf(pa: u32): usize {
  return load<u32>(ORDER_CODE_MAPS) + ((pa >> 12) << 2);
}

/** Have instructions of the page of `pa` been decoded? */
export function hasCode(pa: u32): bool {
  return load<u32>(codeMapOf(pa)) != 0;
}

/** The code map for 64-bit mode of the page of `pa`, or 0. */
export function longCodeMap(pa: u32): usize {
  return load<u32>(codeMapOf(pa)) & ~HAS_CODE;
}

/** A CPU is going to run the code of the page of `pa`: an act if it is tracked. False: not yet this CPU's turn. */
export function joinCode(cpu: usize, pa: u32): bool {
  const state = pageState(pa);
  if (state >= 0) return true;
  const runs = load<u32>(cpu, CPU_RUNS_CODE) + u32(-1 - state);
  if (load<u8>(runs) != 0) return true;
  if (mustWait(cpu)) return false;
  store<u8>(runs, 1);
  const mask = maskOf(cpu, u32(-1 - state) << 6) + MAY_READ;
  store<u64>(mask, load<u64>(mask) | load<u64>(load<u32>(ORDER_CODE_LINES) + ((pa >> 12) << 3)));
  return true;
}

/**
 * The CPU has touched the page of `pa` and is going to store to it. If it has code and no other CPU knows it, its lines are
 * told apart from now on, so that a store beside the code leaves the code alone. With no room for that the code goes.
 */
export function prepareStore(cpu: usize, pa: u32): void {
  if (!hasCode(pa) || !isPrivate(cpu, pa)) return;
  if (load<u32>(ORDER_TRACKED_COUNT) < load<u32>(ORDER_TRACKED_PAGES)) trackPage(pa >> 12, idOf(cpu), timeOf(cpu));
  else dropCode(idOf(cpu), pa);
}

/** First touch of a page by a CPU: an act. False: not yet this CPU's turn. */
export function touch(cpu: usize, pa: u32): bool {
  const state = pageState(pa);
  const id = idOf(cpu);
  if (state < 0 || state == 1 + i32(id)) return true;
  if (mustWait(cpu)) return false;
  if (state == 0) store<i32>(load<u32>(ORDER_PAGES) + ((pa >> 12) << 2), 1 + id);
  else trackPage(pa >> 12, state - 1, timeOf(cpu));
  return true;
}

/**
 * Gets one of several lines that an operation needs. Lines collected by earlier attempts are all taken again at the
 * instant when the last one arrives; the host drops the collection when the operation completes. False: wait.
 */
// @ts-ignore: decorator
@inline
export function collect(cpu: usize, pa: u32, write: bool): bool {
  return isHeld(cpu, pa, write) || collectShared(cpu, pa, write);
}

function collectShared(cpu: usize, pa: u32, write: bool): bool {
  if (!touch(cpu, pa)) return false;
  const index = trackedIndex(pa);
  return index < 0 || collectLine(cpu, lineIn(index, pa), write);
}

// @ts-ignore: decorator
@inline
function collectLine(cpu: usize, line: u32, write: bool): bool {
  return may(cpu, line, write ? MAY_WRITE : MAY_READ) || miss(cpu, line, write);
}

/** The line of an address on tracked page `index`. */
// @ts-ignore: decorator
@inline
export function lineIn(index: u32, address: u32): u32 {
  return (index << 6) | ((address >> 6) & 63);
}

/** Gets the line of `pa` for one single access of microcode or host code. False: wait. */
export function hold(cpu: usize, pa: u32, write: bool): bool {
  return isHeld(cpu, pa, write) || getLine(cpu, pa, write);
}

/** May this CPU access the line of `pa` at once? */
// @ts-ignore: decorator
@inline
function isHeld(cpu: usize, pa: u32, write: bool): bool {
  const state = pageState(pa);
  if (state >= 0) return state == 1 + i32(idOf(cpu));
  return may(cpu, lineIn(-1 - state, pa), write ? MAY_WRITE : MAY_READ);
}

/** May this CPU write to all of `lines`, a mask, of the page of `pa`? */
export function mayWriteLines(cpu: usize, pa: u32, lines: u64): bool {
  const state = pageState(pa);
  if (state >= 0) return state == 1 + i32(idOf(cpu));
  return (load<u64>(maskOf(cpu, lineIn(-1 - state, 0)) + MAY_WRITE) & lines) == lines;
}

function getLine(cpu: usize, pa: u32, write: bool): bool {
  const wasArriving = load<u32>(cpu, CPU_LINE_ARRIVING);
  const before = load<u32>(cpu, CPU_COLLECTED_COUNT);
  if (!collect(cpu, pa, write)) return false;
  // A line that was there already says nothing about the lines that this operation is collecting.
  if (wasArriving != load<u32>(cpu, CPU_LINE_ARRIVING) || before != load<u32>(cpu, CPU_COLLECTED_COUNT)) {
    store<u32>(cpu, 0, CPU_COLLECTED_COUNT);
  }
  return true;
}

/** An instruction takes the lines that it has collected itself, and none that an earlier one had. */
export function dropEarlierLines(cpu: usize): void {
  dropLinesBefore(cpu, load<u64>(cpu, CPU_RETIRED));
}

/** The same for the instruction that follows `retired` others. */
export function dropLinesBefore(cpu: usize, retired: u64): void {
  if (load<u64>(cpu, CPU_COLLECTED_AT) == retired) return;
  store<u32>(cpu, 0, CPU_COLLECTED_COUNT);
  store<u64>(cpu, retired, CPU_COLLECTED_AT);
}

/** Gets the lines of the access that the interpreter has stopped for (STOP_LINE_MISS). False: wait. */
export function getLines(cpu: usize): bool {
  dropEarlierLines(cpu);
  const va = load<u64>(cpu, CPU_STOP_VA);
  const write = load<u32>(cpu, CPU_STOP_ACCESS) != ACCESS_READ;
  const last = va + load<u32>(cpu, CPU_STOP_SIZE) - 1;
  if ((va ^ last) >> 12 != 0) return collectAt(cpu, va, write) && collectAt(cpu, last, write);
  const page = load<u32>(cpu, CPU_STOP_INFO);
  return collectLines(cpu, lineIn(page, u32(va)), lineIn(page, u32(last)), write);
}

/** Gets the lines of an access that touches one line, or two. False: wait. */
// @ts-ignore: decorator
@inline
export function collectLines(cpu: usize, first: u32, second: u32, write: bool): bool {
  return collectLine(cpu, first, write) && (first == second || collectLine(cpu, second, write));
}

function collectAt(cpu: usize, va: u64, write: bool): bool {
  const entry = findEntry(cpu, va, va & ~u64(0xfff));
  return collect(cpu, u32(operandAt(entry, va)) - load<u32>(ORDER_RAM), write);
}

/** Request, then arrival; each when this CPU is next. */
function miss(cpu: usize, line: u32, write: bool): bool {
  while (true) {
    if (mustWait(cpu)) return false;
    if (load<u32>(cpu, CPU_LINE_ARRIVING) != 0) {
      if (!take(cpu)) return false;
      if (may(cpu, line, write ? MAY_WRITE : MAY_READ)) return true;
    }
    if (write && isAlone(cpu, line)) {
      if (isCodeInUse(line)) return false;
      takeForWriting(cpu, line);
      return true;
    }
    request(cpu, line, write);
  }
}

function request(cpu: usize, line: u32, write: bool): void {
  const busy = load<u32>(ORDER_LINE_BUSY) + (line << 3);
  const now = timeOf(cpu);
  const start = later(now, load<f64>(busy));
  store<f64>(busy, start + load<f64>(ORDER_LINE_OCCUPANCY));
  chargeTicks(cpu, STEP_LINE_TRANSFER, start + latency(source(cpu, line), idOf(cpu)) - now);
  const count = load<u32>(cpu, CPU_COLLECTED_COUNT);
  if (count >= u32(MOST_COLLECTED)) unreachable();
  store<i32>(cpu + (count << 2), write ? ~line : line, CPU_COLLECTED);
  store<u32>(cpu, count + 1, CPU_COLLECTED_COUNT);
  store<u32>(cpu, 1, CPU_LINE_ARRIVING);
}

/** True for an owner that may not write although nobody else reads: it has decoded code there. */
function isAlone(cpu: usize, line: u32): bool {
  if (ownerOf(line) != idOf(cpu)) return false;
  const end = cpuEnd();
  for (let other: usize = CPU_BLOCKS; other < end; other += CPU_STRIDE) {
    if (other != cpu && may(other, line, MAY_READ)) return false;
  }
  return true;
}

/** Where the line comes from: its owner, or for an upgrade by the owner the farthest other reader. */
function source(cpu: usize, line: u32): u32 {
  const owner = ownerOf(line);
  const own = idOf(cpu);
  if (owner != own) return owner;
  let farthest = own;
  const cpus = load<u32>(ORDER_CPUS);
  for (let other: u32 = 0; other < cpus; other++) {
    if (other == own || !may(blockOf(other), line, MAY_READ)) continue;
    if (farthest == own || latency(other, own) > latency(farthest, own)) farthest = other;
  }
  return farthest;
}

/** Storing to the line drops code while a run is suspended, which may be in the middle of that code. */
function isCodeInUse(line: u32): bool {
  if (!isCode(line)) return false;
  const end = cpuEnd();
  for (let cpu: usize = CPU_BLOCKS; cpu < end; cpu += CPU_STRIDE) {
    if (load<u32>(cpu, CPU_STATE) == SUSPENDED) return true;
  }
  return false;
}

/** All collected lines change hands now. False: a parked victim has to finish what it did before, or a suspended run. */
// @ts-ignore: decorator
@inline
function take(cpu: usize): bool {
  const first = cpu + CPU_COLLECTED;
  const end = first + (load<u32>(cpu, CPU_COLLECTED_COUNT) << 2);
  let hasSettled = false;
  for (let at = first; at < end; at += 4) {
    const entry = load<i32>(at);
    if (entry >= 0) continue;
    if (isCodeInUse(~entry)) return false;
    if (settleReaders(cpu, ~entry)) hasSettled = true;
  }
  if (hasSettled && mustWait(cpu)) return false;
  for (let at = first; at < end; at += 4) {
    const entry = load<i32>(at);
    const write = entry < 0;
    const line: u32 = write ? ~entry : entry;
    if (write) takeForWriting(cpu, line);
    else takeForReading(cpu, line);
    if (load<u32>(ORDER_OBSERVED) != 0) lineTaken(idOf(cpu), addressOf(line), u32(write));
  }
  store<u32>(cpu, 0, CPU_LINE_ARRIVING);
  return true;
}

/** Brings parked CPUs that may read the line up to this moment. True: there was one, which may have to go first now. */
function settleReaders(cpu: usize, line: u32): bool {
  let hasSettled = false;
  let codeStays = false;
  const end = cpuEnd();
  for (let other: usize = CPU_BLOCKS; other < end; other += CPU_STRIDE) {
    if (load<u32>(other, CPU_STATE) != PARKED || other == cpu || !may(other, line, MAY_READ)) continue;
    if (!isCode(line) && !mayRead(other, addressOf(line))) continue;
    if (!hasSettled) codeStays = !isCodeWanted();
    const hasRead = codeStays && timeOf(cpu) + passTicks(other) <= outOfReachAt(timeOf(cpu));
    settle(other, timeOf(cpu), idOf(cpu), hasRead ? lastRead(other) : lastInstruction(other));
    hasSettled = true;
  }
  return hasSettled;
}

/** Is anybody about to store to code? Then nobody may fetch instructions before that. */
export function isCodeWanted(): bool {
  const end = cpuEnd();
  for (let cpu: usize = CPU_BLOCKS; cpu < end; cpu += CPU_STRIDE) {
    if (isStoringToCode(cpu)) return true;
  }
  return false;
}

function isStoringToCode(cpu: usize): bool {
  if (load<u32>(cpu, CPU_LINE_ARRIVING) == 0) return false;
  const first = cpu + CPU_COLLECTED;
  const end = first + (load<u32>(cpu, CPU_COLLECTED_COUNT) << 2);
  for (let at = first; at < end; at += 4) {
    const entry = load<i32>(at);
    if (entry < 0 && isCode(~entry)) return true;
  }
  return false;
}

function takeForReading(cpu: usize, line: u32): void {
  const owner = ownerOf(line);
  if (owner != idOf(cpu)) revokeWriting(blockOf(owner), line);
  allow(cpu, line, MAY_READ);
}

function takeForWriting(cpu: usize, line: u32): void {
  const end = cpuEnd();
  const bit = bitOf(line);
  for (let other: usize = CPU_BLOCKS; other < end; other += CPU_STRIDE) {
    const mask = maskOf(other, line);
    const readable = load<u64>(mask, MAY_READ);
    if ((readable & bit) == 0 || other == cpu) continue;
    store<u64>(mask, readable & ~bit, MAY_READ);
    store<u64>(mask, load<u64>(mask, MAY_WRITE) & ~bit, MAY_WRITE);
    forgetLine(other, addressOf(line), false);
    store<u32>(other, 0, CPU_ONCE);
    store<u32>(other, 0, CPU_MAPPINGS_KNOWN);
    lose(other, line, timeOf(cpu));
  }
  store<u32>(load<u32>(ORDER_LINE_OWNER) + (line << 2), idOf(cpu));
  const mask = maskOf(cpu, line);
  store<u64>(mask, load<u64>(mask, MAY_READ) | bit, MAY_READ);
  store<u64>(mask, load<u64>(mask, MAY_WRITE) | bit, MAY_WRITE);
  if (isCode(line)) dropCode(idOf(cpu), addressOf(line));
}

/** Another CPU takes the line from this one, to write to it, at time `at`. */
function lose(cpu: usize, line: u32, at: f64): void {
  if (load<u32>(cpu, CPU_STATE) != PARKED) store<f64>(cpu, at, CPU_LOST_LINE_AT);
  const monitored = load<f64>(cpu, CPU_MONITORED_LINE);
  if (monitored != NO_LINE && monitored == f64(addressOf(line))) loseMonitoredLine(idOf(cpu), at);
}
