/**
 * The single-step trap: #DB behind every instruction that began with RFLAGS.TF set (SDM vol. 3, 19.3.1.4).
 *
 * Left out: BTF, pending debug exceptions of VM exits that come first.
 */
import type { Cpu } from './cpu.js';
import { EVENT_EXCEPTION, VECTOR_DB } from './fault.js';
import { PASS, REDIRECTED, type Outcome } from './outcome.js';

const DR6_BS = 1 << 14;

/** Turns the trap into a VM exit, which leaves DR6 alone, or has it delivered next. REDIRECTED or WAIT. */
export function takeSingleStepTrap(cpu: Cpu): Outcome {
  if (cpu.nonRoot !== null) {
    const outcome = cpu.nonRoot.exception(VECTOR_DB, null, DR6_BS, EVENT_EXCEPTION, 0);
    if (outcome !== PASS) return outcome;
  }
  cpu.dr[6] |= BigInt(DR6_BS);
  cpu.injected = { type: EVENT_EXCEPTION, vector: VECTOR_DB, errorCode: null, length: 0 };
  return REDIRECTED;
}
