/**
 * What the host does when the interpreter stops: fills TLBs, gets cache lines, stands in for devices and for the
 * virtual-APIC page, executes slow instructions and raises faults.
 *
 * Outcomes: DONE = an instruction completed or an event was taken, RIP is right. PASS = run the same instruction
 * again, at once. WAIT = the same, when next in order.
 */
import * as L from './layout.js';
import type { Cpu } from './cpu.js';
import { PAGE_MASK, PAGE_SIZE } from '../memory/physical-memory.js';
import { outcomeOf, translate } from '../memory/walk.js';
import { EXIT_REASON_PAUSE_INSTRUCTION } from '../vmx/exit-reason.js';
import { writeApicRegister } from './local-apic-page.js';
import type { NonRoot } from './non-root.js';
import { isApicRegister, readDevice, writeDevice } from './device-access.js';
import { beginDeviceOperands, endDeviceOperands } from './device-operands.js';
import { DONE, FAULT, PASS, REDIRECTED, WAIT, type Outcome } from './outcome.js';
import { executeSlow } from './slow-instructions.js';
import { fillTlb, isSpecial, mapSpecial, restoreSpecial, translateSpecial } from './tlb.js';
import { UnimplementedError } from './unimplemented.js';

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
  const instruction = cpu.slowInstruction ?? cpu.decoder.instruction(cpu.word(L.CPU_STOP_INFO));
  beginDeviceOperands();
  const outcome = executeSlow(cpu, instruction);
  endDeviceOperands(cpu, outcome === DONE || outcome === REDIRECTED);
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
  if ((va & PAGE_MASK) + size > PAGE_SIZE) return accessAcrossPages(cpu, va, size, access);
  const pa = translateSpecial(cpu, va, access);
  if (pa < 0) return -pa as Outcome;
  if (cpu.nonRoot !== null && isApicAccessPage(cpu, pa)) {
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

/** An access to what is not memory. */
function deviceAccess(cpu: Cpu, pa: number, va: number, size: number, access: number): Outcome {
  if (cpu.clock.mustWait(cpu)) return WAIT;
  if (isApicRegister(cpu, pa, size)) return apicRegisterAccess(cpu, va, access);
  const bounce = cpu.block + L.CPU_BOUNCE;
  const offset = va & PAGE_MASK;
  const bytes = cpu.memory.u8.subarray(bounce + offset, bounce + offset + size);
  if (access !== L.ACCESS_WRITE) readDevice(cpu, pa, bytes);
  const stop = executeBounced(cpu, va);
  if (stop !== L.STOP_LIMIT) return handleStop(cpu, stop);
  if (access !== L.ACCESS_READ) writeDevice(cpu, pa, bytes);
  return REDIRECTED;
}

/** The same for a register of the local APIC, which is nearly always what is accessed: without an array. */
function apicRegisterAccess(cpu: Cpu, va: number, access: number): Outcome {
  const offset = va & PAGE_MASK;
  if (access !== L.ACCESS_WRITE) cpu.setWord(L.CPU_BOUNCE + offset, cpu.apic.readRegister(offset));
  const stop = executeBounced(cpu, va);
  if (stop !== L.STOP_LIMIT) return handleStop(cpu, stop);
  if (access !== L.ACCESS_READ) writeApicRegister(cpu, offset, cpu.word(L.CPU_BOUNCE + offset));
  return REDIRECTED;
}

/** Executes the instruction at RIP on the bounce page, in place of a device's. */
function executeBounced(cpu: Cpu, va: number): number {
  const stop = executeMapped(cpu, va, cpu.block + L.CPU_BOUNCE);
  if (stop === L.STOP_SPECIAL) throw new UnimplementedError('an instruction with two device operands', cpu);
  return stop;
}

/** One page's share of an access to two pages. */
interface Share {
  readonly va: number;
  readonly pa: number;
  /** Null for memory. */
  readonly bytes: Uint8Array | null;
}

/** An access to a device and to the page behind it, or before it: another device, or memory. */
function accessAcrossPages(cpu: Cpu, va: number, size: number, access: number): Outcome {
  const second = va - (va & PAGE_MASK) + PAGE_SIZE;
  const bounce = cpu.block + L.CPU_BOUNCE;
  const shares: Share[] = [];
  for (const [at, address, count] of [
    [va, bounce + (va & PAGE_MASK), second - va],
    [second, bounce + PAGE_SIZE, va + size - second],
  ]) {
    const outcome = fillTlb(cpu, at, access);
    if (outcome !== PASS) return outcome;
    const pa = translate(cpu, at, access, cpu.privilege);
    if (pa < 0) return -pa as Outcome;
    const isMemory = !isSpecial(cpu, pa - (pa & PAGE_MASK));
    if (isApicAccessPage(cpu, pa)) {
      throw new UnimplementedError('an access to the APIC-access page and to the page beside it', cpu);
    }
    if (isMemory && !cpu.lines.hold(cpu, pa, access !== L.ACCESS_READ)) return WAIT;
    shares.push({ va: at, pa, bytes: isMemory ? null : cpu.memory.u8.subarray(address, address + count) });
  }
  return cpu.clock.mustWait(cpu) ? WAIT : accessShares(cpu, shares, access);
}

function accessShares(cpu: Cpu, shares: readonly Share[], access: number): Outcome {
  const devices = shares.filter((share): share is Share & { bytes: Uint8Array } => share.bytes !== null);
  if (access !== L.ACCESS_WRITE) for (const { pa, bytes } of devices) readDevice(cpu, pa, bytes);
  const pages = devices.map(({ va, bytes }) => mapSpecial(cpu, va, bytes.byteOffset - (va & PAGE_MASK)));
  const stop = cpu.execute(cpu.now + 1);
  devices.forEach(({ va }, index) => restoreSpecial(cpu, va, pages[index]));
  if (stop !== L.STOP_LIMIT) return handleStop(cpu, stop);
  if (access !== L.ACCESS_READ) for (const { pa, bytes } of devices) writeDevice(cpu, pa, bytes);
  return REDIRECTED;
}

function isApicAccessPage(cpu: Cpu, pa: number): boolean {
  return cpu.long(L.CPU_GUEST_APIC_PAGE) === pa - (pa & PAGE_MASK);
}

/** Executes the one instruction at RIP with the page of `va` standing at `address` of the shared memory. */
function executeMapped(cpu: Cpu, va: number, address: number): number {
  const page = mapSpecial(cpu, va, address);
  const stop = cpu.execute(cpu.now + 1);
  restoreSpecial(cpu, va, page);
  return stop;
}
