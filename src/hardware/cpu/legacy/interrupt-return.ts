/**
 * IRET with 16- and 32-bit operands in every mode (SDM vol. 2, IRET).
 *
 * Left out: nested tasks, returns to virtual-8086 mode.
 */
import { STEP } from '../../../cost/step.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { generalProtection } from '../fault.js';
import { checkCode, checkReturn, commitReturn, containsReturn, loadReturnCode } from '../iret.js';
import { CPU_MODE, MODE_64 } from '../layout.js';
import { inLongMode } from '../mode.js';
import { DONE, REDIRECTED, type Outcome } from '../outcome.js';
import { RFLAGS_NT, RFLAGS_RF, RFLAGS_VM } from '../rflags.js';
import { SEGMENT_CS } from '../segments.js';
import { loadFlags } from '../slow/flags.js';
import { UnimplementedError } from '../unimplemented.js';
import { loadRealModeCode } from './far-transfers.js';
import { operandSize } from './operand-size.js';
import { inProtectedMode } from './segmentation.js';
import { Stack } from './stack.js';

const stack = new Stack();

/** IRET and IRETD. */
export function interruptReturn(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  if (cpu.begin()) cpu.charge(STEP.IRETQ);
  const size = operandSize(cpu, instruction);
  const isProtected = inProtectedMode(cpu);
  if (isProtected && (cpu.rflags & RFLAGS_NT) !== 0) return returnToTask(cpu);
  const outcome = stack.useCurrent(cpu).mapPops(cpu, 3, size);
  if (outcome !== DONE) return outcome;
  const rip = stack.read(cpu, 0, size);
  const selector = stack.read(cpu, 1, size) & 0xffff;
  const flags = size === 4 ? stack.read(cpu, 2, size) : (cpu.rflags & ~0xffff) | stack.read(cpu, 2, size);
  if (!isProtected) return returnInRealMode(cpu, rip, selector, flags, size);
  if (entersVirtual8086Mode(cpu, flags, size)) {
    throw new UnimplementedError('a return to virtual-8086 mode', cpu);
  }
  const popsStack = cpu.word(CPU_MODE) === MODE_64 || (selector & 3) > cpu.cpl;
  return popsStack ? returnOuter(cpu, rip, selector, flags, size) : returnSame(cpu, rip, selector, flags, size);
}

function returnToTask(cpu: Cpu): Outcome {
  if (inLongMode(cpu)) return generalProtection(cpu);
  throw new UnimplementedError('a return to a nested task', cpu);
}

function entersVirtual8086Mode(cpu: Cpu, flags: number, size: number): boolean {
  return size === 4 && (flags & RFLAGS_VM) !== 0 && cpu.cpl === 0 && !inLongMode(cpu);
}

function finish(cpu: Cpu, rip: number): Outcome {
  cpu.rip = rip;
  cpu.nmiBlocked = false;
  cpu.retire(0);
  return REDIRECTED;
}

function returnInRealMode(cpu: Cpu, rip: number, selector: number, flags: number, size: number): Outcome {
  if (rip > cpu.segments[SEGMENT_CS].limit) return generalProtection(cpu);
  stack.setPointer(cpu, stack.moved(3 * size));
  loadFlags(cpu, flags, RFLAGS_RF);
  loadRealModeCode(cpu, selector);
  return finish(cpu, rip);
}

function returnSame(cpu: Cpu, rip: number, selector: number, flags: number, size: number): Outcome {
  const outcome = checkCode(cpu, selector);
  if (outcome !== DONE) return outcome;
  if (!containsReturn(cpu, rip)) return generalProtection(cpu);
  stack.setPointer(cpu, stack.moved(3 * size));
  loadFlags(cpu, flags, RFLAGS_RF);
  loadReturnCode(cpu, selector);
  return finish(cpu, rip);
}

function returnOuter(cpu: Cpu, rip: number, selector: number, flags: number, size: number): Outcome {
  let outcome = stack.mapPops(cpu, 2, size, 3 * size);
  if (outcome !== DONE) return outcome;
  const pointer = stack.read(cpu, 0, size);
  const stackSelector = stack.read(cpu, 1, size) & 0xffff;
  outcome = checkReturn(cpu, selector, stackSelector, rip);
  if (outcome !== DONE) return outcome;
  loadFlags(cpu, flags, RFLAGS_RF);
  commitReturn(cpu, selector, stackSelector);
  stack.useCurrent(cpu).setPointer(cpu, pointer);
  return finish(cpu, rip);
}
