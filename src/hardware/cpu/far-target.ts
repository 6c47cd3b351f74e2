/**
 * The code segment that a far JMP or CALL goes to without a gate (SDM vol. 3, 6.8.1), for pointers of all sizes.
 */
import type { Cpu } from './cpu.js';
import { errorCode, loadCodeSegment, type Descriptor } from './descriptor.js';
import { VECTOR_GP, VECTOR_NP } from './exception-vector.js';
import { fault, generalProtection } from './fault.js';
import { DONE, REDIRECTED, type Outcome } from './outcome.js';

/**
 * May the descriptor `target` of `selector` be entered at `offset`? Conforming code may be called from outside, other code
 * only from its own level.
 */
export function checkFarTarget(cpu: Cpu, target: Descriptor, selector: number, offset: number): Outcome {
  const { cpl } = cpu;
  const error = errorCode(selector, 0);
  const isAllowed = target.isConforming ? target.dpl <= cpl : target.dpl === cpl && (selector & 3) <= cpl;
  if (!target.isCode || !isAllowed || target.hasBothSizes(cpu)) return fault(cpu, VECTOR_GP, error);
  if (!target.present) return fault(cpu, VECTOR_NP, error);
  return target.contains(cpu, offset) ? DONE : generalProtection(cpu);
}

/** Goes there: CS and RIP change. */
export function enterFarTarget(cpu: Cpu, target: Descriptor, selector: number, offset: number): Outcome {
  loadCodeSegment(cpu, target, selector, cpu.cpl);
  cpu.rip = offset;
  cpu.retire(0);
  return REDIRECTED;
}
