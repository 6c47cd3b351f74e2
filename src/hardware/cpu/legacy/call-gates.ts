/**
 * Call gates of 16, 32 and 64 bits (SDM vol. 3, 6.8.3 to 6.8.5): a transfer to the entry point in the gate, with a
 * change of stacks when it goes to an inner privilege level.
 */
import type { Cpu } from '../cpu.js';
import { Descriptor, DESCRIPTOR_ACCESSED, errorCode, isNull, loadCodeSegment } from '../descriptor.js';
import { VECTOR_GP, VECTOR_NP } from '../exception-vector.js';
import { fault, generalProtection } from '../fault.js';
import { inLongMode } from '../mode.js';
import { DONE, REDIRECTED, type Outcome } from '../outcome.js';
import { SEGMENT_CS, SEGMENT_SS } from '../segments.js';
import { findInnerStack, loadInnerStack } from './inner-stack.js';
import { Stack } from './stack.js';

const RSP = 4;
const CALL_GATE_16 = 4;
const LONG_GATE_SIZE = 16;
const GATE_SIZE = 8;
const TWO_32 = 2 ** 32;

const gate = new Descriptor();
const target = new Descriptor();
const stack = new Stack();
const outer = new Stack();

/** JMP through the gate that `selector` names. */
export function jumpGate(cpu: Cpu, selector: number): Outcome {
  const outcome = readGate(cpu, selector);
  if (outcome !== DONE) return outcome;
  if (!target.isConforming && target.dpl !== cpu.cpl) return fault(cpu, VECTOR_GP, errorCode(codeSelector(), 0));
  return enter(cpu, cpu.cpl);
}

/** CALL through the gate that `selector` names, to come back to `next`. */
export function callGate(cpu: Cpu, selector: number, next: number): Outcome {
  const outcome = readGate(cpu, selector);
  if (outcome !== DONE) return outcome;
  const privilege = target.isConforming ? cpu.cpl : target.dpl;
  return privilege === cpu.cpl ? callSame(cpu, next) : callInner(cpu, next, privilege);
}

function codeSelector(): number {
  return gate.low >>> 16;
}

/** Bytes that the gate pushes at a time. */
function gateSize(cpu: Cpu): number {
  if (inLongMode(cpu)) return 8;
  return gate.type === CALL_GATE_16 ? 2 : 4;
}

function gateOffset(cpu: Cpu): number {
  const low = ((gate.low & 0xffff) | (gate.type === CALL_GATE_16 ? 0 : gate.high & 0xffff_0000)) >>> 0;
  return inLongMode(cpu) ? (gate.range.read32(cpu.memory, 8) | 0) * TWO_32 + low : low;
}

/** Reads gate and code segment with all checks. */
function readGate(cpu: Cpu, selector: number): Outcome {
  let outcome = gate.read(cpu, selector, VECTOR_GP, 0, 0, inLongMode(cpu) ? LONG_GATE_SIZE : GATE_SIZE);
  if (outcome !== DONE) return outcome;
  const isAllowed = gate.dpl >= cpu.cpl && gate.dpl >= (selector & 3);
  if (!isAllowed) return fault(cpu, VECTOR_GP, errorCode(selector, 0));
  if (!gate.present) return fault(cpu, VECTOR_NP, errorCode(selector, 0));
  const code = codeSelector();
  if (isNull(code)) return generalProtection(cpu);
  outcome = target.read(cpu, code, VECTOR_GP, 0, DESCRIPTOR_ACCESSED);
  if (outcome !== DONE) return outcome;
  const isTarget = target.isCode && target.dpl <= cpu.cpl && (!inLongMode(cpu) || target.is64Bit);
  if (!isTarget) return fault(cpu, VECTOR_GP, errorCode(code, 0));
  if (!target.present) return fault(cpu, VECTOR_NP, errorCode(code, 0));
  return target.contains(cpu, gateOffset(cpu)) ? DONE : generalProtection(cpu);
}

function enter(cpu: Cpu, privilege: number): Outcome {
  cpu.rip = gateOffset(cpu);
  loadCodeSegment(cpu, target, codeSelector(), privilege);
  cpu.retire(0);
  return REDIRECTED;
}

function callSame(cpu: Cpu, next: number): Outcome {
  const size = gateSize(cpu);
  if (inLongMode(cpu)) stack.useWide(outer.useCurrent(cpu).pointer);
  else stack.useCurrent(cpu);
  const outcome = stack.mapPushes(cpu, 2, size);
  if (outcome !== DONE) return outcome;
  push(cpu, [cpu.segments[SEGMENT_CS].selector, next], size);
  return enter(cpu, cpu.cpl);
}

/** SS, ESP, copied parameters, CS and EIP go to the inner stack; 64-bit gates copy nothing. */
function callInner(cpu: Cpu, next: number, privilege: number): Outcome {
  const size = gateSize(cpu);
  let outcome = findInnerStack(cpu, stack, privilege, 0);
  if (outcome !== DONE) return outcome;
  const count = size === 8 ? 0 : gate.high & 31;
  outcome = outer.useCurrent(cpu).mapPops(cpu, count, size);
  if (outcome !== DONE) return outcome;
  const elements = [cpu.segments[SEGMENT_SS].selector, size === 8 ? cpu.gprNumber(RSP) : cpu.gprLow(RSP)];
  for (let parameter = count - 1; parameter >= 0; parameter--) elements.push(outer.read(cpu, parameter, size));
  elements.push(cpu.segments[SEGMENT_CS].selector, next);
  outcome = stack.mapPushes(cpu, elements.length, size);
  if (outcome !== DONE) return outcome;
  loadInnerStack(cpu, privilege);
  push(cpu, elements, size);
  return enter(cpu, privilege);
}

function push(cpu: Cpu, elements: readonly number[], size: number): void {
  elements.forEach((value, element) => {
    stack.write(cpu, element, size, value);
  });
  stack.setPointer(cpu, stack.moved(-elements.length * size));
}
