/**
 * Posted-interrupt processing in VMX non-root operation (SDM vol. 3, 30.6), steps 3 to 7: what the processor does once
 * it has acknowledged an interrupt with the posted-interrupt notification vector.
 */
import { APIC_IRR } from '../apic/registers.js';
import type { Cpu } from '../cpu/cpu.js';
import { evaluatePendingVirtualInterrupts } from './micro-operations.js';
import { exchangePirWord, setOutstandingNotification } from './posted-interrupt-descriptor.js';
import type { VirtualApicPage } from './virtual-apic-page.js';
import type { VirtualizationState } from './virtualization-state.js';

/** Lines that processing touches: descriptor, VTPR and VPPR, VIRR. False = WAIT. */
export function collectForPostedInterrupts(cpu: Cpu, page: VirtualApicPage, state: VirtualizationState): boolean {
  return cpu.lines.collect(cpu, state.descriptor, true) && page.collectPriority() && page.collectVirr();
}

/**
 * ON is cleared before the PIR is drained, which makes the protocol lossless: whoever posts after the drain finds
 * ON = 0 and notifies again. Here both happen at one instant.
 */
export function processPostedInterrupts(cpu: Cpu, page: VirtualApicPage, state: VirtualizationState): void {
  const { memory } = cpu;
  const { descriptor } = state;
  setOutstandingNotification(memory, descriptor, false);
  cpu.trace?.({ name: 'ipiv_on', descriptor, on: false });
  cpu.bus.route(cpu, cpu.apic.eoi());
  for (let word = 7; word >= 0; word--) {
    const requests = exchangePirWord(memory, descriptor, word);
    if (requests === 0) continue;
    const offset = APIC_IRR + 16 * word;
    page.write(offset, page.read(offset) | requests);
    state.rvi = Math.max(state.rvi, 32 * word + 31 - Math.clz32(requests));
  }
  cpu.trace?.({ name: 'ipiv_pir_taken', descriptor });
  cpu.trace?.({ name: 'ipiv_pi_processed', rvi: state.rvi });
  evaluatePendingVirtualInterrupts(page, state);
}
