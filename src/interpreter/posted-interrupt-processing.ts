// Posted-interrupt processing in VMX non-root operation (SDM vol. 3, 30.6).
import { STEP_INTERRUPT_RECOGNITION, STEP_PI_PROCESSING } from '../cost/step-numbers';
import {
  CPU_DESCRIPTOR,
  CPU_NOTIFICATION_VECTOR,
  CPU_RVI,
  ORDER_RAM,
  REPORT_ON_CLEARED,
  REPORT_PIR_TAKEN,
  REPORT_PROCESSED,
  VIRTUALIZE_POSTED_INTERRUPTS,
} from '../hardware/cpu/layout';
import { charge } from './cost';
import { broadcastEoi } from './host';
import { collect } from './lines';
import { dismissInterrupt, pendingVector } from './local-apic';
import { begin, DONE, report, WAIT } from './microcode';
import { idOf, mustWait } from './order';
import { exchangePir, setOutstandingNotification } from './posted-interrupt-descriptor';
import {
  collectRegisters,
  evaluatePendingVirtualInterrupts,
  PRIORITY,
  requestVectors,
  VIRR,
  virtualizes,
} from './virtual-apic';

/** The interrupt that would be acknowledged now is a posted-interrupt notification. */
export function isNotification(cpu: usize): bool {
  return (
    virtualizes(cpu, VIRTUALIZE_POSTED_INTERRUPTS) && pendingVector(cpu) == load<u32>(cpu, CPU_NOTIFICATION_VECTOR)
  );
}

/** Posted-interrupt processing from the recognition of the notification on: DONE or WAIT. */
export function processNotification(cpu: usize): u32 {
  if (begin(cpu)) {
    charge(cpu, STEP_INTERRUPT_RECOGNITION);
    charge(cpu, STEP_PI_PROCESSING);
  }
  if (mustWait(cpu) || !collectForPostedInterrupts(cpu)) return WAIT;
  const broadcast = dismissInterrupt(cpu);
  if (broadcast != 0) broadcastEoi(idOf(cpu), broadcast);
  processPostedInterrupts(cpu);
  return DONE;
}

/** Lines that processing touches: descriptor, VTPR and VPPR, VIRR. False: wait. */
function collectForPostedInterrupts(cpu: usize): bool {
  return collect(cpu, load<u32>(cpu, CPU_DESCRIPTOR), true) && collectRegisters(cpu, PRIORITY | VIRR);
}

/**
 * ON is cleared before the PIR is drained, which makes the protocol lossless: whoever posts after the drain finds
 * ON = 0 and notifies again. Here both happen at one instant.
 */
function processPostedInterrupts(cpu: usize): void {
  const address = load<u32>(cpu, CPU_DESCRIPTOR);
  const descriptor = load<u32>(ORDER_RAM) + address;
  setOutstandingNotification(descriptor, false);
  report(cpu, REPORT_ON_CLEARED, address);
  for (let quadword: u32 = 0; quadword < 4; quadword++) {
    const requests = exchangePir(descriptor, quadword);
    if (requests == 0) continue;
    if (u32(requests) != 0) requestVectors(cpu, 2 * quadword, u32(requests));
    if (requests >> 32 != 0) requestVectors(cpu, 2 * quadword + 1, u32(requests >> 32));
  }
  report(cpu, REPORT_PIR_TAKEN, address);
  report(cpu, REPORT_PROCESSED, load<u32>(cpu, CPU_RVI));
  evaluatePendingVirtualInterrupts(cpu);
}
