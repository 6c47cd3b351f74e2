// NMIs outside VMX non-root operation, from their arrival to their delivery through the IDT (SDM vol. 3, 6.7).
import { STEP_INTERRUPT_RECOGNITION } from '../cost/step-numbers';
import { ACTIVITY_ACTIVE } from '../hardware/cpu/activity';
import { VECTOR_NMI } from '../hardware/cpu/exception-vector';
import {
  BOUNDARY_HOST,
  BOUNDARY_ROOT,
  CPU_ACTIVITY,
  CPU_BOUNDARY,
  CPU_INTERRUPT,
  CPU_NMI_BLOCKED,
  CPU_NMI_PENDING,
} from '../hardware/cpu/layout';
import { charge } from './cost';
import { chargeWake } from './halt';
import { DONE, WAIT } from './microcode';
import { mustWait } from './order';

/** An NMI has reached the CPU. In VMX non-root operation the host says what becomes of it. */
export function latchNmi(cpu: usize): void {
  store<u32>(cpu, 1, CPU_NMI_PENDING);
  if (load<u32>(cpu, CPU_BOUNDARY) != BOUNDARY_ROOT) store<u32>(cpu, BOUNDARY_HOST, CPU_BOUNDARY);
}

// @ts-ignore: decorator
@inline
export function isNmiDue(cpu: usize): bool {
  return load<u32>(cpu, CPU_NMI_PENDING) != 0 && load<u32>(cpu, CPU_NMI_BLOCKED) == 0;
}

/** The NMI is taken when its recognition begins: one that comes meanwhile is latched. DONE: it is on its way through the IDT; WAIT. */
export function takeNmi(cpu: usize): u32 {
  if (mustWait(cpu)) return WAIT;
  store<u32>(cpu, 0, CPU_NMI_PENDING);
  chargeWake(cpu);
  charge(cpu, STEP_INTERRUPT_RECOGNITION);
  store<u32>(cpu, ACTIVITY_ACTIVE, CPU_ACTIVITY);
  // No external interrupt that is on its way there has a vector below 16.
  store<u32>(cpu, VECTOR_NMI, CPU_INTERRUPT);
  return DONE;
}
