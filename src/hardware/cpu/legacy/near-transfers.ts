/**
 * Near JMP, CALL, RET and the counted branches outside 64-bit mode, as far as the interpreter leaves them to the host:
 * 16-bit operands and counters, indirect 16-bit targets, stacks that are not flat (SDM vol. 2).
 */
import { Code, Mnemonic } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { generalProtection } from '../fault.js';
import { DONE, REDIRECTED, type Outcome } from '../outcome.js';
import { RFLAGS_ZF } from '../rflags.js';
import { SEGMENT_CS } from '../segments.js';
import type { Handler, HandlerTable } from '../slow/handler.js';
import { chargeRecord, operandSize } from './operand-size.js';
import { Stack } from './stack.js';
import { operandValue, readValue } from './stack-instructions.js';

const RCX = 1;
const stack = new Stack();

/** Goes to a near target, which must lie within the limit of CS. */
function jumpNear(cpu: Cpu, target: number, size: number): boolean {
  const rip = size === 2 ? target & 0xffff : target >>> 0;
  if (rip > cpu.segments[SEGMENT_CS].limit) return false;
  cpu.rip = rip;
  return true;
}

/** JMP with a near target. */
export function nearJump(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const size = operandSize(cpu, instruction);
  const outcome = readValue(cpu, instruction, instruction.operands[0], size);
  if (outcome !== DONE) return outcome;
  return jumpNear(cpu, operandValue.value, size) ? redirected(cpu) : generalProtection(cpu);
}

function redirected(cpu: Cpu): Outcome {
  cpu.retire(0);
  return REDIRECTED;
}

/** CALL with a near target. */
export function nearCall(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const size = operandSize(cpu, instruction);
  let outcome = readValue(cpu, instruction, instruction.operands[0], size);
  if (outcome !== DONE) return outcome;
  const { value } = operandValue;
  outcome = stack.useCurrent(cpu).mapPushes(cpu, 1, size);
  if (outcome !== DONE) return outcome;
  const next = cpu.rip + instruction.length;
  if (!jumpNear(cpu, value, size)) return generalProtection(cpu);
  stack.write(cpu, 0, size, next);
  stack.setPointer(cpu, stack.moved(-size));
  return redirected(cpu);
}

function nearReturn(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeRecord(cpu, instruction);
  const size = operandSize(cpu, instruction);
  const outcome = stack.useCurrent(cpu).mapPops(cpu, 1, size);
  if (outcome !== DONE) return outcome;
  const operand = instruction.operands.at(0);
  const released = operand?.kind === 'immediate' ? Number(operand.value) : 0;
  if (!jumpNear(cpu, stack.read(cpu, 0, size), size)) return generalProtection(cpu);
  stack.setPointer(cpu, stack.moved(size + released));
  return redirected(cpu);
}

const COUNTS_IN_CX = new Set<Code>([
  ...[Code.Loop_rel8_16_CX, Code.Loop_rel8_32_CX, Code.Loope_rel8_16_CX, Code.Loope_rel8_32_CX],
  ...[Code.Loopne_rel8_16_CX, Code.Loopne_rel8_32_CX, Code.Jcxz_rel8_16, Code.Jcxz_rel8_32],
]);

/** Counts CX or ECX down if `step` is 1; the count that is left. */
function countDown(cpu: Cpu, { code }: DecodedInstruction, step: number): number {
  const ecx = cpu.gprLow(RCX);
  if (!COUNTS_IN_CX.has(code)) {
    if (step !== 0) cpu.setGprWords(RCX, 0, (ecx - step) >>> 0);
    return (ecx - step) >>> 0;
  }
  const left = (ecx - step) & 0xffff;
  cpu.setGprWords(RCX, cpu.gprHigh(RCX), ((ecx & 0xffff_0000) | left) >>> 0);
  return left;
}

/** LOOP and its kin: goes on while the count is not zero and ZF is as wanted. */
function loop(step: number, isTaken: (left: number, isZero: boolean) => boolean): Handler {
  return (cpu, instruction) => {
    chargeRecord(cpu, instruction);
    const target = instruction.operands[0];
    if (target.kind !== 'branch') throw new RangeError('a counted branch has a target');
    const size = operandSize(cpu, instruction);
    const counter = cpu.gpr(RCX);
    const left = countDown(cpu, instruction, step);
    if (!isTaken(left, (cpu.rflags & RFLAGS_ZF) !== 0)) return DONE;
    if (jumpNear(cpu, Number(target.target), size)) return redirected(cpu);
    cpu.setGpr(RCX, counter);
    return generalProtection(cpu);
  };
}

export const NEAR_TRANSFERS: HandlerTable = [
  [Mnemonic.Ret, nearReturn],
  [Mnemonic.Loop, loop(1, (left) => left !== 0)],
  [Mnemonic.Loope, loop(1, (left, isZero) => left !== 0 && isZero)],
  [Mnemonic.Loopne, loop(1, (left, isZero) => left !== 0 && !isZero)],
  [Mnemonic.Jcxz, loop(0, (left) => left === 0)],
  [Mnemonic.Jecxz, loop(0, (left) => left === 0)],
];
