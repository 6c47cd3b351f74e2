/**
 * Delivery of events outside IA-32e mode: through the interrupt-vector table of real-address mode (SDM vol. 3, 22.1.4)
 * and through 16- and 32-bit gates (vol. 3, 7.12).
 *
 * Left out: task gates, virtual-8086 mode.
 */
import { ACTIVITY_ACTIVE } from '../activity.js';
import type { Cpu } from '../cpu.js';
import { Descriptor, DESCRIPTOR_ACCESSED, errorCode, isNull, loadCodeSegment } from '../descriptor.js';
import { VECTOR_GP, VECTOR_NP } from '../exception-vector.js';
import { EVENT_NMI, externalBit, fault, isFault, type IdtEvent } from '../fault.js';
import { ACCESS_READ, PRIVILEGE_IMPLICIT } from '../layout.js';
import { LinearRange } from '../linear-access.js';
import { DONE, REDIRECTED, type Outcome } from '../outcome.js';
import { RFLAGS_AC, RFLAGS_IF, RFLAGS_NT, RFLAGS_RF, RFLAGS_TF, RFLAGS_VM } from '../rflags.js';
import { SEGMENT_CS, SEGMENT_SS } from '../segments.js';
import { UnimplementedError } from '../unimplemented.js';
import { findInnerStack, loadInnerStack } from './inner-stack.js';
import { inProtectedMode } from './segmentation.js';
import { Stack } from './stack.js';

const RSP = 4;
const GATE_SIZE = 8;
const VECTOR_SIZE = 4;
const TASK_GATE = 5;
const INTERRUPT_GATE_16 = 6;
const INTERRUPT_GATE_32 = 14;
/** Type bits in which trap gates differ from interrupt gates, and 32-bit ones from 16-bit ones. */
const TRAP = 1;
const WIDE = 8;
const GATE_PRESENT = 1 << 15;
const ERROR_IDT = 2;

const gate = new LinearRange();
const target = new Descriptor();
const stack = new Stack();

/** Delivers an event outside IA-32e mode: REDIRECTED, WAIT, or FAULT with `cpu.delivering` still set. */
export function deliverLegacyEvent(cpu: Cpu, event: IdtEvent): Outcome {
  return inProtectedMode(cpu) ? deliverThroughGate(cpu, event) : deliverThroughVector(cpu, event);
}

function finish(cpu: Cpu, event: IdtEvent, clearedFlags: number): Outcome {
  cpu.rflags &= ~clearedFlags;
  cpu.shadow = 0;
  cpu.activity = ACTIVITY_ACTIVE;
  if (event.type === EVENT_NMI) cpu.nmiBlocked = true;
  cpu.delivering = null;
  return REDIRECTED;
}

// ---- Real-address mode

/** Pushes FLAGS, CS and IP, never an error code. */
function deliverThroughVector(cpu: Cpu, event: IdtEvent): Outcome {
  const offset = event.vector * VECTOR_SIZE;
  if (offset + VECTOR_SIZE - 1 > cpu.idtr.limit) return fault(cpu, VECTOR_GP, event.vector * 8 + ERROR_IDT);
  let outcome = gate.map(cpu, cpu.idtr.base + offset, VECTOR_SIZE, ACCESS_READ, PRIVILEGE_IMPLICIT);
  if (outcome === DONE) outcome = stack.useCurrent(cpu).mapPushes(cpu, 3, 2);
  if (outcome !== DONE) return outcome;
  const cs = cpu.segments[SEGMENT_CS];
  stack.write(cpu, 0, 2, cpu.rflags);
  stack.write(cpu, 1, 2, cs.selector);
  stack.write(cpu, 2, 2, cpu.rip + event.length);
  stack.setPointer(cpu, stack.moved(-6));
  cs.selector = gate.read16(cpu.memory, 2);
  cs.base = cs.selector * 16;
  cpu.rip = gate.read16(cpu.memory, 0);
  return finish(cpu, event, RFLAGS_IF | RFLAGS_TF | RFLAGS_AC | RFLAGS_RF);
}

// ---- Protected mode

function deliverThroughGate(cpu: Cpu, event: IdtEvent): Outcome {
  const ext = externalBit(event);
  let outcome = readGate(cpu, event, ext);
  if (outcome === DONE) outcome = checkTarget(cpu, ext);
  if (outcome === DONE) outcome = pushFrame(cpu, event, ext);
  if (outcome !== DONE) return outcome;
  const privilege = newPrivilege(cpu);
  if (privilege !== cpu.cpl) loadInnerStack(cpu, privilege);
  loadCodeSegment(cpu, target, gateSelector(cpu), privilege);
  stack.setPointer(cpu, newPointer);
  cpu.rip = gateOffset(cpu);
  const isTrap = (gateType(cpu) & TRAP) !== 0;
  return finish(cpu, event, RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM | (isTrap ? 0 : RFLAGS_IF));
}

function readGate(cpu: Cpu, event: IdtEvent, ext: number): Outcome {
  const offset = event.vector * GATE_SIZE;
  const error = offset + ERROR_IDT + ext;
  if (offset + GATE_SIZE - 1 > cpu.idtr.limit) return fault(cpu, VECTOR_GP, error);
  const outcome = gate.map(cpu, cpu.idtr.base + offset, GATE_SIZE, ACCESS_READ, PRIVILEGE_IMPLICIT);
  if (outcome !== DONE) return outcome;
  const word = gate.read32(cpu.memory, 4);
  const type = gateType(cpu);
  const isGate = (type & ~TRAP) === INTERRUPT_GATE_16 || (type & ~TRAP) === INTERRUPT_GATE_32;
  if (!isGate && type !== TASK_GATE) return fault(cpu, VECTOR_GP, error);
  if (ext === 0 && ((word >>> 13) & 3) < cpu.cpl) return fault(cpu, VECTOR_GP, error);
  if ((word & GATE_PRESENT) === 0) return fault(cpu, VECTOR_NP, error);
  if (type === TASK_GATE) throw new UnimplementedError('a task switch through a task gate', cpu);
  return DONE;
}

function gateType(cpu: Cpu): number {
  return gate.read8(cpu.memory, 5) & 0x1f;
}

function gateSelector(cpu: Cpu): number {
  return gate.read16(cpu.memory, 2);
}

function gateSize(cpu: Cpu): number {
  return (gateType(cpu) & WIDE) !== 0 ? 4 : 2;
}

function gateOffset(cpu: Cpu): number {
  const low = gate.read16(cpu.memory, 0);
  return gateSize(cpu) === 2 ? low : (low | (gate.read16(cpu.memory, 6) << 16)) >>> 0;
}

function checkTarget(cpu: Cpu, ext: number): Outcome {
  const selector = gateSelector(cpu);
  if (isNull(selector)) return fault(cpu, VECTOR_GP, ext);
  const outcome = target.read(cpu, selector, VECTOR_GP, ext, DESCRIPTOR_ACCESSED);
  if (outcome !== DONE) return outcome;
  const error = errorCode(selector, ext);
  if (!target.isCode || target.dpl > cpu.cpl) return fault(cpu, VECTOR_GP, error);
  if (!target.present) return fault(cpu, VECTOR_NP, error);
  return gateOffset(cpu) <= target.limit ? DONE : fault(cpu, VECTOR_GP, ext);
}

function newPrivilege(cpu: Cpu): number {
  return target.isConforming ? cpu.cpl : target.dpl;
}

let newPointer = 0;

/** SS and ESP when the stack changes, EFLAGS, CS, EIP, and the error code of an exception that has one. */
function pushFrame(cpu: Cpu, event: IdtEvent, ext: number): Outcome {
  const privilege = newPrivilege(cpu);
  const isInner = privilege !== cpu.cpl;
  const size = gateSize(cpu);
  if (isInner) {
    const outcome = findInnerStack(cpu, stack, privilege, ext);
    if (outcome !== DONE) return outcome;
  } else stack.useCurrent(cpu);
  const flags = isFault(event) ? cpu.rflags | RFLAGS_RF : cpu.rflags;
  const elements = isInner ? [cpu.segments[SEGMENT_SS].selector, cpu.gprLow(RSP)] : [];
  elements.push(flags >>> 0, cpu.segments[SEGMENT_CS].selector, cpu.rip + event.length);
  if (event.errorCode !== null) elements.push(event.errorCode);
  const outcome = stack.mapPushes(cpu, elements.length, size);
  if (outcome !== DONE) return outcome;
  elements.forEach((value, element) => {
    stack.write(cpu, element, size, value);
  });
  newPointer = stack.moved(-elements.length * size);
  return DONE;
}
