// Posted-interrupt processing in VMX non-root operation (SDM vol. 3, 30.6), once the processor has acknowledged and
// dismissed an interrupt with the posted-interrupt notification vector.
import {
  CPU_DESCRIPTOR,
  CPU_RVI,
  ORDER_RAM,
  REPORT_ON_CLEARED,
  REPORT_PIR_TAKEN,
  REPORT_PROCESSED,
} from '../hardware/cpu/layout';
import { collect } from './lines';
import { report } from './microcode';
import { exchangePirWord, setOutstandingNotification } from './posted-interrupt-descriptor';
import { collectPriority, collectVirr, evaluatePendingVirtualInterrupts, requestVectors } from './virtual-apic';

/** Lines that processing touches: descriptor, VTPR and VPPR, VIRR. False: wait. */
export function collectForPostedInterrupts(cpu: usize): bool {
  return collect(cpu, load<u32>(cpu, CPU_DESCRIPTOR), true) && collectPriority(cpu) && collectVirr(cpu);
}

/**
 * ON is cleared before the PIR is drained, which makes the protocol lossless: whoever posts after the drain finds
 * ON = 0 and notifies again. Here both happen at one instant.
 */
export function processPostedInterrupts(cpu: usize): void {
  const address = load<u32>(cpu, CPU_DESCRIPTOR);
  const descriptor = load<u32>(ORDER_RAM) + address;
  setOutstandingNotification(descriptor, false);
  report(cpu, REPORT_ON_CLEARED, address);
  for (let word: i32 = 7; word >= 0; word--) {
    const requests = exchangePirWord(descriptor, word);
    if (requests != 0) requestVectors(cpu, word, requests);
  }
  report(cpu, REPORT_PIR_TAKEN, address);
  report(cpu, REPORT_PROCESSED, load<u32>(cpu, CPU_RVI));
  evaluatePendingVirtualInterrupts(cpu);
}
