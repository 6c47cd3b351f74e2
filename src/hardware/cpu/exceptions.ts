/**
 * Delivery of events through the IDT in 64-bit mode, and what becomes of faults (SDM vol. 3, chapter 6).
 */
import type { Cpu } from './cpu.js';
import type { IdtEvent } from './fault.js';
import { WAIT, type Outcome } from './outcome.js';

/** Turns cpu.fault into a VM exit or delivers it through the IDT, with double and triple faults. */
export function raiseFault(_cpu: Cpu): Outcome {
  return WAIT;
}

/** Delivers an event through the IDT. */
export function deliverEvent(_cpu: Cpu, _event: IdtEvent): Outcome {
  return WAIT;
}
