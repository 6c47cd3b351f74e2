// Delivery of a recognized virtual interrupt to the IDT (SDM vol. 3, 30.2.2) as an operation that waits for its lines.
import { STEP_VIRTUAL_INTERRUPT_DELIVERY } from '../cost/step-numbers';
import { CPU_INTERRUPT, REPORT_DELIVERY } from '../hardware/cpu/layout';
import { charge } from './cost';
import { begin, DONE, report, WAIT } from './microcode';
import { collectPriority, collectVirr, collectVisr, mustWaitForPage, takeVirtualInterrupt } from './virtual-apic';

/** DONE: the vector is on its way through the IDT. WAIT. */
export function deliverVirtualInterrupt(cpu: usize): u32 {
  if (begin(cpu)) charge(cpu, STEP_VIRTUAL_INTERRUPT_DELIVERY);
  if (mustWaitForPage(cpu) || !collectPriority(cpu) || !collectVisr(cpu) || !collectVirr(cpu)) return WAIT;
  const vector = takeVirtualInterrupt(cpu);
  report(cpu, REPORT_DELIVERY, vector);
  store<u32>(cpu, vector, CPU_INTERRUPT);
  return DONE;
}
