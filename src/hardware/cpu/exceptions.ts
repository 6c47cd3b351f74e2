/**
 * Delivery of events through the IDT in IA-32e mode (SDM vol. 3, 6.14; vol. 2, INT n), and what becomes of faults:
 * VM exits, double and triple faults (vol. 3, 6.15 interrupt 8).
 *
 * The plain case of an external interrupt is the interpreter's (src/interpreter/delivery.ts). Delivery outside IA-32e
 * mode is in legacy/event-delivery. Left out: task gates, shadow stacks, FRED.
 */
import { STEP } from '../../cost/step.js';
import { ACTIVITY_ACTIVE, ACTIVITY_SHUTDOWN } from './activity.js';
import type { Cpu } from './cpu.js';
import { Descriptor, DESCRIPTOR_ACCESSED, errorCode, isNull, loadCodeSegment, loadNullSelector } from './descriptor.js';
import {
  VECTOR_DB,
  VECTOR_DE,
  VECTOR_DF,
  VECTOR_GP,
  VECTOR_NMI,
  VECTOR_NP,
  VECTOR_PF,
  VECTOR_SS,
  VECTOR_TS,
} from './exception-vector.js';
import {
  EVENT_EXCEPTION,
  EVENT_EXTERNAL,
  EVENT_NMI,
  externalBit,
  fault,
  isFault,
  type Fault,
  type IdtEvent,
} from './fault.js';
import { ACCESS_READ, ACCESS_WRITE, PRIVILEGE_IMPLICIT } from './layout.js';
import { deliverLegacyEvent } from './legacy/event-delivery.js';
import { isCanonical, LinearRange } from './linear-access.js';
import { inLongMode, modeName, privilegeOf } from './mode.js';
import { DONE, PASS, REDIRECTED, WAIT, type Outcome } from './outcome.js';
import { RFLAGS_IF, RFLAGS_NT, RFLAGS_RF, RFLAGS_TF, RFLAGS_VM } from './rflags.js';
import { SEGMENT_CS, SEGMENT_SS, SEGMENT_TR } from './segments.js';

const RSP = 4;
const GATE_SIZE = 16;
const GATE_INTERRUPT_64 = 14;
const GATE_TRAP_64 = 15;
const GATE_PRESENT = 1 << 15;
/** Error code: the index refers to a gate in the IDT. */
const ERROR_IDT = 2;
const TSS_RSP0 = 4;
const TSS_IST1 = 36;
const STACK_ALIGNMENT = 16;

// ---- Faults

/**
 * Turns cpu.fault into a VM exit, or has it delivered through the IDT as the next operation. Combines it with the
 * event whose delivery it interrupted. REDIRECTED, or WAIT.
 */
export function raiseFault(cpu: Cpu): Outcome {
  const raised = cpu.fault as Fault;
  if (raised.kind === 'ept') return eptEvent(cpu);
  const { vector, address } = raised;
  const outcome = exceptionExit(cpu, vector, raised.errorCode, address);
  if (outcome !== PASS) return outcome;
  if (vector === VECTOR_PF) cpu.cr2 = address;
  if (vector === VECTOR_DB) cpu.dr.report(address);
  return deliverCombined(cpu, vector, raised.errorCode);
}

function eptEvent(cpu: Cpu): Outcome {
  if (cpu.nonRoot === null) throw new Error('EPT event outside VMX non-root operation');
  return settleExit(cpu, cpu.nonRoot.eptEvent());
}

function exceptionExit(cpu: Cpu, vector: number, error: number | null, address: number): Outcome {
  if (cpu.nonRoot === null) return PASS;
  return settleExit(cpu, cpu.nonRoot.exception(vector, error, address, EVENT_EXCEPTION, 0));
}

/** After an exit nothing is being delivered any more. */
function settleExit(cpu: Cpu, outcome: Outcome): Outcome {
  if (outcome === WAIT || outcome === PASS) return outcome;
  cpu.delivering = null;
  cpu.fault = null;
  return outcome;
}

function deliverCombined(cpu: Cpu, vector: number, error: number | null): Outcome {
  const first = cpu.delivering;
  noteDeliveryFault(cpu, first, vector, error);
  const firstVector = first?.type === EVENT_EXCEPTION ? first.vector : -1;
  if (firstVector === VECTOR_DF && faultClass(vector) !== BENIGN) return tripleFault(cpu);
  if (makesDoubleFault(firstVector, vector)) return doubleFault(cpu);
  return inject(cpu, vector, error);
}

/** Faults follow one from the other while each comes in the delivery of the one before, or of the double fault. */
function noteDeliveryFault(cpu: Cpu, event: IdtEvent | null, vector: number, error: number | null): void {
  const faults = cpu.deliveryFaults;
  const last = faults.at(-1);
  if (event === null || (event.vector !== VECTOR_DF && event.vector !== last?.vector)) faults.length = 0;
  if (event === null) return;
  faults.push({ delivering: event.vector, vector, errorCode: error, rip: cpu.rip, mode: modeName(cpu) });
}

function inject(cpu: Cpu, vector: number, error: number | null): Outcome {
  cpu.delivering = null;
  cpu.fault = null;
  cpu.injected = { type: EVENT_EXCEPTION, vector, errorCode: error, length: 0 };
  return REDIRECTED;
}

function doubleFault(cpu: Cpu): Outcome {
  const outcome = exceptionExit(cpu, VECTOR_DF, 0, 0);
  return outcome === PASS ? inject(cpu, VECTOR_DF, 0) : outcome;
}

function tripleFault(cpu: Cpu): Outcome {
  if (cpu.nonRoot !== null) return settleExit(cpu, cpu.nonRoot.tripleFault());
  cpu.delivering = null;
  cpu.fault = null;
  cpu.activity = ACTIVITY_SHUTDOWN;
  cpu.onShutdown?.();
  return REDIRECTED;
}

const BENIGN = 0;
const CONTRIBUTORY = 1;
const PAGE_FAULT = 2;

function faultClass(vector: number): number {
  if (vector === VECTOR_PF) return PAGE_FAULT;
  return vector === VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP) ? CONTRIBUTORY : BENIGN;
}

/** SDM vol. 3, table 6-5. `first` is -1 when the first event was not an exception. */
function makesDoubleFault(first: number, second: number): boolean {
  if (first < 0 || first === VECTOR_DF) return false;
  const firstClass = faultClass(first);
  const secondClass = faultClass(second);
  if (firstClass === CONTRIBUTORY) return secondClass === CONTRIBUTORY;
  return firstClass === PAGE_FAULT && secondClass !== BENIGN;
}

// ---- Delivery

/** Reused by every delivery: nothing here lives longer than one attempt. */
const gate = new LinearRange();
const taskState = new LinearRange();
const stack = new LinearRange();
const target = new Descriptor();

/**
 * Delivers an event through the IDT: REDIRECTED, WAIT, or FAULT with `cpu.delivering` still set. An instruction or a
 * boundary that finds an event to deliver sets `cpu.injected` and returns REDIRECTED; the run loop calls this.
 */
export function deliverEvent(cpu: Cpu, event: IdtEvent): Outcome {
  cpu.delivering = event;
  if (cpu.begin()) {
    cpu.charge(STEP.IDT_DELIVERY);
    if (cpu.cpl === 3) cpu.charge(STEP.STACK_SWITCH);
  }
  const isLong = inLongMode(cpu);
  if (isLong && event.type === EVENT_EXTERNAL && cpu.engine.deliver(cpu.block, event.vector) !== 0) {
    return completeDelivery(cpu);
  }
  cpu.systemStateChanged = true;
  if (!isLong) return deliverLegacyEvent(cpu, event);
  let outcome = readGate(cpu, event);
  if (outcome === DONE) outcome = checkTarget(cpu, externalBit(event));
  if (outcome === DONE) outcome = pushFrame(cpu, event);
  if (outcome !== DONE) return outcome;
  enterHandler(cpu);
  return completeDelivery(cpu);
}

/** The handler comes next. */
function completeDelivery(cpu: Cpu): Outcome {
  cpu.shadow = 0;
  cpu.activity = ACTIVITY_ACTIVE;
  cpu.attention = true;
  cpu.delivering = null;
  return REDIRECTED;
}

function readGate(cpu: Cpu, event: IdtEvent): Outcome {
  const error = event.vector * 8 + ERROR_IDT + externalBit(event);
  const offset = event.vector * GATE_SIZE;
  if (offset + GATE_SIZE - 1 > cpu.idtr.limit) return fault(cpu, VECTOR_GP, error);
  const va = cpu.idtr.base + offset;
  if (!isCanonical(va + GATE_SIZE - 1)) return fault(cpu, VECTOR_GP, error);
  const outcome = gate.map(cpu, va, GATE_SIZE, ACCESS_READ, PRIVILEGE_IMPLICIT);
  if (outcome !== DONE) return outcome;
  const word = gate.read32(cpu.memory, 4);
  const type = (word >>> 8) & 0x1f;
  if (type !== GATE_INTERRUPT_64 && type !== GATE_TRAP_64) return fault(cpu, VECTOR_GP, error);
  if (externalBit(event) === 0 && ((word >>> 13) & 3) < cpu.cpl) return fault(cpu, VECTOR_GP, error);
  return (word & GATE_PRESENT) === 0 ? fault(cpu, VECTOR_NP, error) : DONE;
}

function gateSelector(cpu: Cpu): number {
  return gate.read16(cpu.memory, 2);
}

function gateOffset(cpu: Cpu): number {
  const { memory } = cpu;
  const low = (gate.read16(memory, 0) | (gate.read16(memory, 6) << 16)) >>> 0;
  return (gate.read32(memory, 8) | 0) * 2 ** 32 + low;
}

/** The code segment of the gate, into `target`. */
function checkTarget(cpu: Cpu, ext: number): Outcome {
  const selector = gateSelector(cpu);
  if (isNull(selector)) return fault(cpu, VECTOR_GP, ext);
  const outcome = target.read(cpu, selector, VECTOR_GP, ext, DESCRIPTOR_ACCESSED);
  if (outcome !== DONE) return outcome;
  const error = errorCode(selector, ext);
  if (!target.isCode || target.dpl > cpu.cpl || !target.is64Bit) return fault(cpu, VECTOR_GP, error);
  if (!target.present) return fault(cpu, VECTOR_NP, error);
  return isCanonical(gateOffset(cpu)) ? DONE : fault(cpu, VECTOR_GP, ext);
}

function newPrivilege(cpu: Cpu): number {
  return target.isConforming ? cpu.cpl : target.dpl;
}

/** Top of the stack to push to, 16-byte aligned, in `stackTop`. */
let stackTop = 0;

function findStack(cpu: Cpu, ext: number): Outcome {
  const ist = gate.read8(cpu.memory, 4) & 7;
  const privilege = newPrivilege(cpu);
  if (ist === 0 && privilege === cpu.cpl) {
    stackTop = cpu.gprNumber(RSP);
  } else {
    const outcome = readTaskState(cpu, ist === 0 ? TSS_RSP0 + 8 * privilege : TSS_IST1 + 8 * (ist - 1), ext);
    if (outcome !== DONE) return outcome;
  }
  stackTop -= stackTop & (STACK_ALIGNMENT - 1);
  return DONE;
}

function readTaskState(cpu: Cpu, offset: number, ext: number): Outcome {
  const tr = cpu.segments[SEGMENT_TR];
  if (offset + 7 > tr.limit) return fault(cpu, VECTOR_TS, errorCode(tr.selector, ext));
  const outcome = taskState.map(cpu, tr.base + offset, 8, ACCESS_READ, PRIVILEGE_IMPLICIT);
  if (outcome === DONE) stackTop = taskState.readSigned(cpu.memory, 0);
  return outcome;
}

/** Maps the whole frame, then writes it. */
function pushFrame(cpu: Cpu, event: IdtEvent): Outcome {
  const ext = externalBit(event);
  let outcome = findStack(cpu, ext);
  if (outcome !== DONE) return outcome;
  const { errorCode: error } = event;
  const size = error === null ? 40 : 48;
  if (!isCanonical(stackTop - size) || !isCanonical(stackTop - 1)) return fault(cpu, VECTOR_SS, ext);
  outcome = stack.map(cpu, stackTop - size, size, ACCESS_WRITE, privilegeOf(newPrivilege(cpu)));
  if (outcome !== DONE) return outcome;
  const { memory } = cpu;
  let at = 0;
  if (error !== null) {
    stack.writeSigned(memory, 0, error);
    at = 8;
  }
  stack.writeSigned(memory, at, cpu.rip + event.length);
  stack.writeSigned(memory, at + 8, cpu.segments[SEGMENT_CS].selector);
  stack.writeSigned(memory, at + 16, savedFlags(cpu, event));
  stack.writeSigned(memory, at + 24, cpu.gprNumber(RSP));
  stack.writeSigned(memory, at + 32, cpu.segments[SEGMENT_SS].selector);
  stackTop -= size;
  return DONE;
}

/** RFLAGS to push: RF is set for faults, so that an instruction breakpoint does not repeat. */
function savedFlags(cpu: Cpu, event: IdtEvent): number {
  return isFault(event) ? cpu.rflags | RFLAGS_RF : cpu.rflags;
}

/** Nothing can fail any more. */
function enterHandler(cpu: Cpu): void {
  const event = cpu.delivering as IdtEvent;
  const privilege = newPrivilege(cpu);
  const isInterruptGate = (gate.read8(cpu.memory, 5) & 15) === GATE_INTERRUPT_64;
  const cleared = RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM | (isInterruptGate ? RFLAGS_IF : 0);
  if (privilege !== cpu.cpl) loadNullSelector(cpu.segments[SEGMENT_SS], privilege);
  loadCodeSegment(cpu, target, gateSelector(cpu), privilege);
  cpu.rip = gateOffset(cpu);
  cpu.setGprNumber(RSP, stackTop);
  cpu.rflags &= ~cleared;
  if (event.type === EVENT_NMI) cpu.nmiBlocked = true;
}

export const NMI: IdtEvent = { type: EVENT_NMI, vector: VECTOR_NMI, errorCode: null, length: 0 };

/** An external interrupt as an event: one object per vector, so that delivery allocates nothing. */
export const EXTERNAL_INTERRUPTS: readonly IdtEvent[] = Array.from({ length: 256 }, (_, vector) => ({
  type: EVENT_EXTERNAL,
  vector,
  errorCode: null,
  length: 0,
}));
