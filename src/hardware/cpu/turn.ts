/**
 * The host's share of a CPU's turn: root-mode software, the rest of an instruction, events, and single runs of the
 * interpreter where nothing else will do. When only plain instructions are left, the CPU goes back to the order of CPUs in
 * WebAssembly (src/interpreter/order.ts).
 */
import { ACTIVITY_ACTIVE, ACTIVITY_HLT } from './activity.js';
import { CR4_UINTR } from './control-register-bits.js';
import type { Cpu } from './cpu.js';
import { deliverEvent, raiseFault } from './exceptions.js';
import { interruptBoundary } from './interrupts.js';
import * as L from './layout.js';
import type { NonRoot } from './non-root.js';
import { FAULT, PASS, WAIT, type Outcome } from './outcome.js';
import { ROOT_ENTERED_GUEST, ROOT_IDLE, ROOT_WAITS, type RootSoftware } from './root-software.js';
import { handleStop } from './stops.js';

/** Everything that needs the host, up to plain instructions, a wait, or the end of the turn. */
export function takeTurn(cpu: Cpu): void {
  for (;;) {
    const retry = cpu.word(L.CPU_RETRY);
    const software = cpu.nonRoot === null ? cpu.rootSoftware : null;
    if (software === null && isPlain(cpu, retry) && handOver(cpu)) return;
    if (retry === L.RETRY_NONE && cpu.now >= cpu.clock.limit) return;
    if (software !== null) {
      if (!runRootSoftware(cpu, software)) return;
      continue;
    }
    if (cpu.apicWriteOffset >= 0) {
      if (!emulateApicWrite(cpu)) return;
      continue;
    }
    if (
      (retry === L.RETRY_NONE || retry === L.RETRY_BOUNDARY) &&
      (cpu.attention || cpu.injected !== null || cpu.faulting)
    ) {
      const outcome = handleEvents(cpu);
      if (outcome === WAIT) {
        waitForTurn(cpu, L.RETRY_BOUNDARY);
        return;
      }
      cpu.setWord(L.CPU_RETRY, L.RETRY_NONE);
      continue;
    }
    if (cpu.activity !== ACTIVITY_ACTIVE) {
      cpu.state = L.ASLEEP;
      return;
    }
    if (!step(cpu)) return;
  }
}

/** Nothing is left but instructions that the interpreter can execute one after the other, and perhaps events. */
function isPlain(cpu: Cpu, retry: number): boolean {
  return (
    (retry === L.RETRY_NONE || retry === L.RETRY_INSTRUCTION) &&
    cpu.injected === null &&
    !cpu.faulting &&
    cpu.apicWriteOffset < 0 &&
    cpu.activity <= ACTIVITY_HLT &&
    !cpu.debugExceptions.isWatching &&
    (cpu.word(L.CPU_MODE) | cpu.word(L.CPU_CODE_MODE)) === L.MODE_64 &&
    cpu.memory.u32[L.ORDER_STEPPED >>> 2] === 0
  );
}

/** The interpreter goes on, unless there are events to look for that only the host knows. */
function handOver(cpu: Cpu): boolean {
  const keeper = boundaryKeeper(cpu);
  if (cpu.attention && keeper === L.BOUNDARY_HOST) return false;
  cpu.setWord(L.CPU_HOST_TURN, 0);
  cpu.setWord(L.CPU_BOUNDARY, keeper);
  return true;
}

/** Who looks for events while nothing but plain instructions is left (BOUNDARY_*). */
function boundaryKeeper(cpu: Cpu): number {
  const isHosts =
    (cpu.nmiPending && cpu.nonRoot !== null) ||
    cpu.initPending ||
    cpu.sipiPending >= 0 ||
    cpu.debugExceptions.pending !== 0 ||
    (cpu.cr4 & CR4_UINTR) !== 0;
  if (isHosts) return L.BOUNDARY_HOST;
  if (cpu.nonRoot === null) return L.BOUNDARY_ROOT;
  return cpu.nonRoot.takesBoundaries ? L.BOUNDARY_HOST : L.BOUNDARY_NON_ROOT;
}

/** One run of the interpreter and what its stop asks for; false when the CPU gives up its turn. */
function step(cpu: Cpu): boolean {
  const { shadow, nonRoot } = cpu;
  const retry = cpu.word(L.CPU_RETRY);
  // Who stopped a moment ago was plain before.
  const watched = retry !== L.RETRY_NEW_STOP && cpu.debugExceptions.isWatching;
  if (watched && cpu.debugExceptions.begin(retry === L.RETRY_NONE) === FAULT) {
    cpu.resolve(FAULT);
    return true;
  }
  // An instruction that was retried before pending events were looked at stands alone.
  const single = shadow !== 0 || cpu.attention || watched;
  if (retry !== L.RETRY_NEW_STOP && retry !== L.RETRY_STOP) cpu.execute(single ? cpu.now + 1 : cpu.clock.limit);
  const stop = cpu.word(L.CPU_STOP);
  const outcome = handleStop(cpu, stop);
  if (outcome === WAIT) {
    waitForTurn(cpu, stop === L.STOP_SLOW || stop === L.STOP_LINE_MISS ? L.RETRY_STOP : L.RETRY_INSTRUCTION);
    return false;
  }
  cpu.setWord(L.CPU_RETRY, outcome === PASS ? L.RETRY_INSTRUCTION : L.RETRY_NONE);
  if (stop === L.STOP_PARKED) return cpu.engine.park(cpu.block) === 0;
  if (outcome === PASS || cpu.faulting) return true;
  if (shadow !== 0) endShadow(cpu, shadow);
  if (watched && nonRoot === cpu.nonRoot) cpu.debugExceptions.end();
  return true;
}

/** APIC-write emulation that the last instruction left behind; false when the CPU gives up its turn. */
function emulateApicWrite(cpu: Cpu): boolean {
  const outcome = cpu.resolve((cpu.nonRoot as NonRoot).apicWriteEmulation(cpu.apicWriteOffset));
  if (outcome === WAIT) {
    waitForTurn(cpu, L.RETRY_BOUNDARY);
    return false;
  }
  cpu.setWord(L.CPU_RETRY, L.RETRY_NONE);
  cpu.apicWriteOffset = -1;
  cpu.attention = true;
  return true;
}

/** False when the CPU gives up its turn. */
function runRootSoftware(cpu: Cpu, software: RootSoftware): boolean {
  const state = software.resume(cpu);
  if (state === ROOT_ENTERED_GUEST) return true;
  cpu.state = state === ROOT_WAITS ? L.WAITING : L.ASLEEP;
  if (state === ROOT_IDLE && cpu.apic.requestsService) cpu.state = L.RUNNING;
  return false;
}

/** `retry`: what is tried again when this CPU is next (RETRY_*). */
function waitForTurn(cpu: Cpu, retry: number): void {
  cpu.setWord(L.CPU_RETRY, retry);
  cpu.state = L.WAITING;
}

/** DONE or REDIRECTED: look again. PASS: nothing to deliver. */
function handleEvents(cpu: Cpu): Outcome {
  if (cpu.faulting) {
    const outcome = raiseFault(cpu);
    if (outcome === WAIT) return WAIT;
    cpu.faulting = false;
    cpu.finish();
    return outcome;
  }
  if (cpu.injected !== null) {
    const outcome = cpu.resolve(deliverEvent(cpu, cpu.injected));
    if (outcome !== WAIT) cpu.injected = null;
    return outcome;
  }
  const outcome = cpu.resolve(cpu.nonRoot === null ? interruptBoundary(cpu) : cpu.nonRoot.boundary());
  if (outcome === PASS) cpu.attention = false;
  return outcome;
}

function endShadow(cpu: Cpu, shadow: number): void {
  cpu.shadow &= ~shadow;
  cpu.attention = true;
}
