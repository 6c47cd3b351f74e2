/**
 * What the host does when the interpreter stops: fills TLBs, gets cache lines, stands in for devices and for the
 * virtual-APIC page, executes slow instructions and raises faults.
 *
 * Outcomes: DONE = an instruction completed or an event was taken, RIP is right. PASS = run the same instruction
 * again, at once. WAIT = the same, when next in order.
 */
import * as L from './layout.js';
import type { Cpu } from './cpu.js';
import { outcomeOf } from '../memory/walk.js';
import { EXIT_REASON_PAUSE_INSTRUCTION } from '../vmx/exit-reason.js';
import type { NonRoot } from './non-root.js';
import { accessDevice, LOCAL_APIC_PAGE_SIZE } from './local-apic-page.js';
import { DONE, FAULT, PASS, REDIRECTED, WAIT, type Outcome } from './outcome.js';
import { executeSlow } from './slow-instructions.js';
import { mapSpecial, restoreSpecial, translateSpecial } from './tlb.js';
import { UnimplementedError } from './unimplemented.js';

const PAGE_MASK = 4095;

export function handleStop(cpu: Cpu, stop: number): Outcome {
  switch (stop) {
    case L.STOP_LIMIT:
    case L.STOP_PARKED:
      return DONE;
    case L.STOP_TLB_MISS:
      return settle(cpu, outcomeOf(cpu, cpu.engine.fillForAccess(cpu.block)));
    case L.STOP_LINE_MISS:
      return cpu.engine.getLines(cpu.block) !== 0 ? PASS : WAIT;
    case L.STOP_NO_RECORD:
      cpu.engine.dropEarlierLines(cpu.block);
      return settle(cpu, cpu.decoder.decode(cpu));
    case L.STOP_SLOW:
      return executeAndRetire(cpu);
    case L.STOP_SPECIAL:
      return settle(cpu, accessSpecialPage(cpu));
    case L.STOP_FAULT:
      cpu.fault = {
        kind: 'exception',
        vector: cpu.word(L.CPU_STOP_INFO),
        errorCode: hasErrorCode(cpu.word(L.CPU_STOP_INFO)) ? cpu.word(L.CPU_STOP_ERROR) : null,
        address: 0,
      };
      return cpu.resolve(FAULT);
    case L.STOP_MARKER:
      cpu.onMarker(cpu, cpu.word(L.CPU_STOP_INFO));
      return DONE;
    case L.STOP_PAUSE_LOOP:
      return pauseLoopExit(cpu);
    case L.STOP_FLAGS:
      cpu.attention = true;
      return DONE;
    case L.STOP_EXIT:
      return cpu.resolve((cpu.nonRoot as NonRoot).finishExit());
    default:
      throw new RangeError(`the interpreter stopped for unknown reason ${String(stop)}`);
  }
}

/** A PASS keeps the operation open: the instruction is still to be executed. */
function settle(cpu: Cpu, outcome: Outcome): Outcome {
  return outcome === PASS ? PASS : cpu.resolve(outcome);
}

function hasErrorCode(vector: number): boolean {
  return vector === 8 || (vector >= 10 && vector <= 14) || vector === 17;
}

function executeAndRetire(cpu: Cpu): Outcome {
  cpu.engine.dropEarlierLines(cpu.block);
  const instruction = cpu.slowInstruction ?? cpu.decoder.instruction(cpu.word(L.CPU_STOP_INFO));
  const outcome = executeSlow(cpu, instruction);
  cpu.slowInstruction = outcome === WAIT ? instruction : null;
  if (outcome === DONE) cpu.retire(instruction.length);
  return cpu.resolve(outcome);
}

function pauseLoopExit(cpu: Cpu): Outcome {
  if (cpu.nonRoot === null) throw new Error('pause-loop exit outside VMX non-root operation');
  return cpu.resolve(cpu.nonRoot.intercept(EXIT_REASON_PAUSE_INSTRUCTION, 0, 2));
}

// ---- Pages that are not memory

function accessSpecialPage(cpu: Cpu): Outcome {
  const va = cpu.long(L.CPU_STOP_VA);
  const size = cpu.word(L.CPU_STOP_SIZE);
  const access = cpu.word(L.CPU_STOP_ACCESS);
  const pa = translateSpecial(cpu, va, access);
  if (pa < 0) return -pa as Outcome;
  if (cpu.nonRoot !== null && cpu.long(L.CPU_GUEST_APIC_PAGE) === pa - (pa & PAGE_MASK)) {
    return virtualApicAccess(cpu, cpu.nonRoot.apicAccess(pa & PAGE_MASK, size, access), va, access);
  }
  return deviceAccess(cpu, pa, va, size, access);
}

function virtualApicAccess(cpu: Cpu, outcome: Outcome, va: number, access: number): Outcome {
  if (outcome !== DONE || cpu.nonRoot === null) return outcome;
  const page = cpu.nonRoot.virtualApicPage;
  const offset = va & PAGE_MASK;
  const write = access !== L.ACCESS_READ;
  if (!cpu.lines.hold(cpu, page + offset, write)) return WAIT;
  const stop = executeMapped(cpu, va, cpu.memory.ram + page);
  if (stop !== L.STOP_LIMIT) return handleStop(cpu, stop);
  if (write) cpu.apicWriteOffset = offset;
  return REDIRECTED;
}

/** Physical addresses without memory: the local APIC of this CPU, devices, or nothing (reads all ones). */
function deviceAccess(cpu: Cpu, pa: number, va: number, size: number, access: number): Outcome {
  if (cpu.clock.mustWait(cpu)) return WAIT;
  const bounce = cpu.block + L.CPU_BOUNCE;
  const offset = va & PAGE_MASK;
  const base = cpu.apic.basePage;
  const isApic = pa >= base && pa < base + LOCAL_APIC_PAGE_SIZE;
  const bytes = cpu.memory.u8.subarray(bounce + offset, bounce + offset + size);
  bytes.fill(0xff);
  if (access !== L.ACCESS_WRITE) {
    if (isApic) accessDevice(cpu, offset, bytes, false);
    else cpu.deviceMemory?.read(pa, bytes);
  }
  const stop = executeMapped(cpu, va, bounce);
  if (stop === L.STOP_SPECIAL) throw new UnimplementedError('an instruction with two device operands', cpu);
  if (stop !== L.STOP_LIMIT) return handleStop(cpu, stop);
  if (access !== L.ACCESS_READ) {
    if (isApic) accessDevice(cpu, offset, bytes, true);
    else cpu.deviceMemory?.write(pa, bytes);
  }
  return REDIRECTED;
}

/** Executes the one instruction at RIP with the page of `va` standing at `address` of the shared memory. */
function executeMapped(cpu: Cpu, va: number, address: number): number {
  const page = mapSpecial(cpu, va, address);
  const stop = cpu.execute(cpu.now + 1);
  restoreSpecial(cpu, va, page);
  return stop;
}
