// An external interrupt that is delivered through the IDT and not taken as a VM exit, up to its acknowledgement.
import { STEP_INTERRUPT_RECOGNITION } from '../cost/step-numbers';
import { FIRST_LEGAL_VECTOR } from '../hardware/apic/registers';
import { ACTIVITY_ACTIVE } from '../hardware/cpu/activity';
import { CPU_ACTIVITY, CPU_INTERRUPT } from '../hardware/cpu/layout';
import { charge } from './cost';
import { chargeWake } from './halt';
import { acknowledge, EXTERNAL, pendingVector } from './local-apic';
import { begin, DONE, PASS, WAIT } from './microcode';
import { mustWait } from './order';

/**
 * The local APIC is asked for the vector when everything that can arrive before has arrived. DONE: it is on its way through
 * the IDT; WAIT; PASS: the PIC gives it, or it is a spurious one below 16, and nothing but charges has happened.
 */
export function takeExternalInterrupt(cpu: usize): u32 {
  if (begin(cpu)) {
    chargeWake(cpu);
    charge(cpu, STEP_INTERRUPT_RECOGNITION);
  }
  if (mustWait(cpu)) return WAIT;
  const vector = pendingVector(cpu);
  if (vector == EXTERNAL || vector < u32(FIRST_LEGAL_VECTOR)) return PASS;
  acknowledge(cpu);
  store<u32>(cpu, ACTIVITY_ACTIVE, CPU_ACTIVITY);
  store<u32>(cpu, vector, CPU_INTERRUPT);
  return DONE;
}
