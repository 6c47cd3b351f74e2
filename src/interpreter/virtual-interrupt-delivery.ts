// Delivery of a recognized virtual interrupt to the IDT (SDM vol. 3, 30.2.2) as an operation that waits for its lines.
import { STEP_VIRTUAL_INTERRUPT_DELIVERY } from '../cost/step-numbers';
import { ACTIVITY_ACTIVE } from '../hardware/cpu/activity';
import { CPU_ACTIVITY, CPU_INTERRUPT, CPU_MONITORED_LINE, NO_LINE, REPORT_DELIVERY } from '../hardware/cpu/layout';
import { charge } from './cost';
import { chargeWake } from './halt';
import { begin, DONE, report, WAIT } from './microcode';
import { mustWaitForRegisters, PRIORITY, takeVirtualInterrupt, VIRR, VISR } from './virtual-apic';

/** DONE: the vector is on its way through the IDT, and a sleeping processor awake. WAIT. */
export function deliverVirtualInterrupt(cpu: usize): u32 {
  if (begin(cpu)) {
    chargeWake(cpu);
    charge(cpu, STEP_VIRTUAL_INTERRUPT_DELIVERY);
  }
  if (mustWaitForRegisters(cpu, PRIORITY | VISR | VIRR)) return WAIT;
  const vector = takeVirtualInterrupt(cpu);
  report(cpu, REPORT_DELIVERY, vector);
  store<u32>(cpu, ACTIVITY_ACTIVE, CPU_ACTIVITY);
  store<f64>(cpu, NO_LINE, CPU_MONITORED_LINE);
  store<u32>(cpu, vector, CPU_INTERRUPT);
  return DONE;
}
