/**
 * Far JMP, CALL and RET with 16- and 32-bit operands in every mode, and with call gates (SDM vol. 2; vol. 3, 6.8).
 *
 * Left out: task switches.
 */
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { Descriptor, DESCRIPTOR_ACCESSED, errorCode, isNull } from '../descriptor.js';
import { VECTOR_GP } from '../exception-vector.js';
import { checkFarTarget, enterFarTarget } from '../far-target.js';
import { fault, generalProtection } from '../fault.js';
import { checkCode, checkReturn, commitReturn, containsReturn, loadReturnCode } from '../iret.js';
import { ACCESS_READ } from '../layout.js';
import { inLongMode } from '../mode.js';
import { DONE, REDIRECTED, type Outcome } from '../outcome.js';
import { SEGMENT_CS } from '../segments.js';
import { chargeSystem } from '../slow/handler.js';
import { mapOperand, operandRange } from '../slow/operands.js';
import { UnimplementedError } from '../unimplemented.js';
import { callGate, jumpGate } from './call-gates.js';
import { operandSize } from './operand-size.js';
import { inProtectedMode } from './segmentation.js';
import { Stack } from './stack.js';

const CALL_GATE_16 = 4;
const CALL_GATE = 12;
const TASK_TYPES: readonly number[] = [1, 5, 9];

const target = new Descriptor();
const stack = new Stack();
const pointer = { selector: 0, offset: 0 };

/** Reads ptr16:16, ptr16:32, m16:16 or m16:32 into `pointer`. */
function readPointer(cpu: Cpu, instruction: DecodedInstruction, size: number): Outcome {
  const [operand] = instruction.operands;
  if (operand.kind === 'immediate') {
    pointer.selector = Number(operand.value >> 32n);
    pointer.offset = Number(operand.value & 0xffff_ffffn);
    return DONE;
  }
  if (operand.kind !== 'memory') throw new RangeError('a far transfer has a pointer');
  const outcome = mapOperand(cpu, instruction, operand, size + 2, ACCESS_READ);
  if (outcome !== DONE) return outcome;
  const { memory } = cpu;
  pointer.offset = size === 2 ? operandRange.read16(memory, 0) : operandRange.read32(memory, 0);
  pointer.selector = operandRange.read16(memory, size);
  return DONE;
}

/** JMP far. */
export function jumpFar(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeSystem(cpu);
  let outcome = readPointer(cpu, instruction, operandSize(cpu, instruction));
  if (outcome !== DONE) return outcome;
  if (!inProtectedMode(cpu)) return enterRealModeCode(cpu);
  outcome = readTarget(cpu);
  if (outcome !== DONE) return outcome;
  if (isCallGate(cpu)) return jumpGate(cpu, pointer.selector);
  outcome = checkFarTarget(cpu, target, pointer.selector, pointer.offset);
  return outcome === DONE ? enterFarTarget(cpu, target, pointer.selector, pointer.offset) : outcome;
}

/** CALL far. */
export function callFar(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeSystem(cpu);
  const size = operandSize(cpu, instruction);
  let outcome = readPointer(cpu, instruction, size);
  if (outcome !== DONE) return outcome;
  const isProtected = inProtectedMode(cpu);
  if (isProtected) {
    outcome = readTarget(cpu);
    if (outcome !== DONE) return outcome;
    if (isCallGate(cpu)) return callGate(cpu, pointer.selector, cpu.rip + instruction.length);
    outcome = checkFarTarget(cpu, target, pointer.selector, pointer.offset);
    if (outcome !== DONE) return outcome;
  } else if (pointer.offset > cpu.segments[SEGMENT_CS].limit) return generalProtection(cpu);
  outcome = stack.useCurrent(cpu).mapPushes(cpu, 2, size);
  if (outcome !== DONE) return outcome;
  stack.write(cpu, 0, size, cpu.segments[SEGMENT_CS].selector);
  stack.write(cpu, 1, size, cpu.rip + instruction.length);
  stack.setPointer(cpu, stack.moved(-2 * size));
  return isProtected ? enterFarTarget(cpu, target, pointer.selector, pointer.offset) : enterRealModeCode(cpu);
}

/** Selector and base of CS change; its limit and its other attributes stay. */
function enterRealModeCode(cpu: Cpu): Outcome {
  const cs = cpu.segments[SEGMENT_CS];
  if (pointer.offset > cs.limit) return generalProtection(cpu);
  loadRealModeCode(cpu, pointer.selector);
  cpu.rip = pointer.offset;
  cpu.retire(0);
  return REDIRECTED;
}

/** Loads CS in real-address mode. */
export function loadRealModeCode(cpu: Cpu, selector: number): void {
  const cs = cpu.segments[SEGMENT_CS];
  cs.selector = selector;
  cs.base = selector * 16;
}

function readTarget(cpu: Cpu): Outcome {
  if (isNull(pointer.selector)) return generalProtection(cpu);
  const outcome = target.read(cpu, pointer.selector, VECTOR_GP, 0, DESCRIPTOR_ACCESSED);
  if (outcome !== DONE || !TASK_TYPES.includes(target.type)) return outcome;
  if (inLongMode(cpu)) return fault(cpu, VECTOR_GP, errorCode(pointer.selector, 0));
  throw new UnimplementedError('a task switch', cpu);
}

function isCallGate(cpu: Cpu): boolean {
  return target.type === CALL_GATE || (target.type === CALL_GATE_16 && !inLongMode(cpu));
}

// ---- RET far

/** RET far, with or without releasing parameters. */
export function returnFar(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeSystem(cpu);
  const size = operandSize(cpu, instruction);
  const operand = instruction.operands.at(0);
  const released = operand?.kind === 'immediate' ? Number(operand.value) : 0;
  const outcome = stack.useCurrent(cpu).mapPops(cpu, 2, size);
  if (outcome !== DONE) return outcome;
  const rip = stack.read(cpu, 0, size);
  const selector = stack.read(cpu, 1, size) & 0xffff;
  if (!inProtectedMode(cpu)) return returnInRealMode(cpu, rip, selector, 2 * size + released);
  if ((selector & 3) > cpu.cpl) return returnOuter(cpu, rip, selector, size, released);
  const checked = checkCode(cpu, selector);
  if (checked !== DONE) return checked;
  if (!containsReturn(cpu, rip)) return generalProtection(cpu);
  stack.setPointer(cpu, stack.moved(2 * size + released));
  loadReturnCode(cpu, selector);
  cpu.rip = rip;
  cpu.retire(0);
  return REDIRECTED;
}

function returnInRealMode(cpu: Cpu, rip: number, selector: number, popped: number): Outcome {
  if (rip > cpu.segments[SEGMENT_CS].limit) return generalProtection(cpu);
  stack.setPointer(cpu, stack.moved(popped));
  loadRealModeCode(cpu, selector);
  cpu.rip = rip;
  cpu.retire(0);
  return REDIRECTED;
}

/** Behind the parameters stand ESP and SS of the outer level, whose parameters are released too. */
function returnOuter(cpu: Cpu, rip: number, selector: number, size: number, released: number): Outcome {
  let outcome = stack.mapPops(cpu, 2, size, 2 * size + released);
  if (outcome !== DONE) return outcome;
  const outerPointer = stack.read(cpu, 0, size);
  const stackSelector = stack.read(cpu, 1, size) & 0xffff;
  outcome = checkReturn(cpu, selector, stackSelector, rip);
  if (outcome !== DONE) return outcome;
  cpu.rip = rip;
  commitReturn(cpu, selector, stackSelector);
  stack.useCurrent(cpu).setPointer(cpu, outerPointer + released);
  cpu.attention = true;
  cpu.retire(0);
  return REDIRECTED;
}
