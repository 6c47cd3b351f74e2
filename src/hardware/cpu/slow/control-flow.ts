/**
 * Far JMP, CALL and RET in 64-bit mode, INT n, INT3 and INT1 (SDM vol. 2). Far transfers with shorter
 * pointers are in legacy/far-transfers, call gates in legacy/call-gates.
 *
 * Left out: task switches.
 */
import { Code, Mnemonic } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { Descriptor, DESCRIPTOR_ACCESSED, isNull } from '../descriptor.js';
import { VECTOR_BP, VECTOR_DB, VECTOR_GP, VECTOR_SS } from '../exception-vector.js';
import { checkFarTarget, enterFarTarget } from '../far-target.js';
import {
  EVENT_PRIVILEGED_SOFTWARE,
  EVENT_SOFTWARE_EXCEPTION,
  EVENT_SOFTWARE_INTERRUPT,
  fault,
  generalProtection,
} from '../fault.js';
import { checkCode, checkReturn, commitReturn, containsReturn, iretq, loadReturnCode } from '../iret.js';
import { ACCESS_READ, ACCESS_WRITE } from '../layout.js';
import { callGate, jumpGate } from '../legacy/call-gates.js';
import { returnFar } from '../legacy/far-transfers.js';
import { isCanonical, LinearRange } from '../linear-access.js';
import { DONE, PASS, REDIRECTED, type Outcome } from '../outcome.js';
import { SEGMENT_CS } from '../segments.js';
import { chargeSystem, type Handler, type HandlerTable } from './handler.js';
import { mapOperand, memoryOperand, operandRange, type MemoryOperand } from './operands.js';

const RSP = 4;
const CALL_GATE = 12;

// ---- Far JMP, CALL, RET

const target = new Descriptor();
const stack = new LinearRange();
const destination = { selector: 0, rip: 0 };

/** Reads the far pointer and checks the code segment that it names, into `target` and `destination`. */
function readFarPointer(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const operand = memoryOperand(instruction, 0) as MemoryOperand;
  const outcome = mapOperand(cpu, instruction, operand, 10, ACCESS_READ);
  if (outcome !== DONE) return outcome;
  destination.selector = operandRange.read16(cpu.memory, 8);
  destination.rip = operandRange.readSigned(cpu.memory, 0);
  return checkTarget(cpu);
}

function checkTarget(cpu: Cpu): Outcome {
  const { selector } = destination;
  if (isNull(selector)) return generalProtection(cpu);
  const outcome = target.read(cpu, selector, VECTOR_GP, 0, DESCRIPTOR_ACCESSED);
  if (outcome !== DONE) return outcome;
  if (target.type === CALL_GATE) return PASS;
  return checkFarTarget(cpu, target, selector, destination.rip);
}

/** JMP m16:64. */
export function farJump(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeSystem(cpu);
  const outcome = readFarPointer(cpu, instruction);
  if (outcome === PASS) return jumpGate(cpu, destination.selector);
  return outcome === DONE ? enterFarTarget(cpu, target, destination.selector, destination.rip) : outcome;
}

/** CALL m16:64. */
export function farCall(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeSystem(cpu);
  let outcome = readFarPointer(cpu, instruction);
  if (outcome === PASS) return callGate(cpu, destination.selector, cpu.rip + instruction.length);
  if (outcome !== DONE) return outcome;
  const rsp = cpu.gprNumber(RSP) - 16;
  outcome = mapStack(cpu, rsp, 16, ACCESS_WRITE);
  if (outcome !== DONE) return outcome;
  stack.writeSigned(cpu.memory, 0, cpu.rip + instruction.length);
  stack.writeSigned(cpu.memory, 8, cpu.segments[SEGMENT_CS].selector);
  cpu.setGprNumber(RSP, rsp);
  return enterFarTarget(cpu, target, destination.selector, destination.rip);
}

function mapStack(cpu: Cpu, rsp: number, size: number, access: number): Outcome {
  if (!isCanonical(rsp) || !isCanonical(rsp + size - 1)) return fault(cpu, VECTOR_SS, 0);
  return stack.map(cpu, rsp, size, access, cpu.privilege);
}

/** RETFQ, with or without releasing parameters. */
function farReturn(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const wide = instruction.code === Code.Retfq || instruction.code === Code.Retfq_imm16;
  const size = wide ? 8 : instruction.code === Code.Retfd || instruction.code === Code.Retfd_imm16 ? 4 : 2;
  if (size === 2) return returnFar(cpu, instruction);
  chargeSystem(cpu);
  const operand = instruction.operands.at(0);
  const released = operand?.kind === 'immediate' ? Number(operand.value) : 0;
  const rsp = cpu.gprNumber(RSP);
  let outcome = mapStack(cpu, rsp, 2 * size, ACCESS_READ);
  if (outcome !== DONE) return outcome;
  const rip = readStack(cpu, 0, size);
  const selector = stack.read16(cpu.memory, size);
  if ((selector & 3) > cpu.cpl) return outerReturn(cpu, size, released);
  outcome = checkCode(cpu, selector);
  if (outcome !== DONE) return outcome;
  if (!containsReturn(cpu, rip)) return generalProtection(cpu);
  loadReturnCode(cpu, selector);
  cpu.rip = rip;
  cpu.setGprNumber(RSP, rsp + 2 * size + released);
  cpu.retire(0);
  return REDIRECTED;
}

function readStack(cpu: Cpu, offset: number, size: number): number {
  return size === 8 ? stack.readSigned(cpu.memory, offset) : stack.read32(cpu.memory, offset);
}

/** The frame of a return to an outer level also holds RSP and SS, behind the released parameters. */
function outerReturn(cpu: Cpu, size: number, released: number): Outcome {
  let outcome = mapStack(cpu, cpu.gprNumber(RSP), 4 * size + released, ACCESS_READ);
  if (outcome !== DONE) return outcome;
  const rip = readStack(cpu, 0, size);
  const selector = stack.read16(cpu.memory, size);
  const rsp = readStack(cpu, 2 * size + released, size);
  const stackSelector = stack.read16(cpu.memory, 3 * size + released);
  outcome = checkReturn(cpu, selector, stackSelector, rip);
  if (outcome !== DONE) return outcome;
  cpu.rip = rip;
  cpu.setGprNumber(RSP, rsp + released);
  commitReturn(cpu, selector, stackSelector);
  cpu.attention = true;
  cpu.retire(0);
  return REDIRECTED;
}

// ---- Software interrupts

function intN(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const operand = instruction.operands.at(0);
  const vector = operand?.kind === 'immediate' ? Number(operand.value) & 0xff : VECTOR_BP;
  cpu.injected = { type: EVENT_SOFTWARE_INTERRUPT, vector, errorCode: null, length: instruction.length };
  return REDIRECTED;
}

/** INT3 and INT1 are exceptions to VMX: the exception bitmap applies. INT1 is a debug exception, and reports what MOV SS has held back. */
function softwareException(vector: number, type: number): Handler {
  return (cpu, { length }) => {
    const outcome = cpu.nonRoot === null ? PASS : cpu.nonRoot.exception(vector, null, 0, type, length);
    if (outcome !== PASS) return outcome;
    if (vector === VECTOR_DB) cpu.dr.report(cpu.debugExceptions.take());
    cpu.injected = { type, vector, errorCode: null, length };
    return REDIRECTED;
  };
}

export const CONTROL_FLOW_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.Retf, farReturn],
  [Mnemonic.Iretq, iretq],
  [Mnemonic.Int, intN],
  [Mnemonic.Int3, softwareException(VECTOR_BP, EVENT_SOFTWARE_EXCEPTION)],
  [Mnemonic.Int1, softwareException(VECTOR_DB, EVENT_PRIVILEGED_SOFTWARE)],
];
