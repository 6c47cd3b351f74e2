/** Reads of a virtual local APIC's registers that exit (kvm_lapic_reg_read): the count of the timer depends on time. */
import type { HostCpu } from '../host-cpu.js';
import { traceApic } from '../tracepoints.js';
import { APIC_TMCCT, APIC_TMICT } from './registers.js';

/** Value of a 32-bit register, or -1 when there is none at `offset`. */
export function readApicRegister(host: HostCpu, offset: number): number {
  const value = registerValue(host, offset);
  if (value >= 0) traceApic(host, false, offset, value);
  return value;
}

function registerValue({ cpu, vcpu }: HostCpu, offset: number): number {
  if (offset !== APIC_TMCCT) return vcpu.apic.readRegister(offset);
  return vcpu.timer.usesDeadline ? 0 : vcpu.timer.currentCount(vcpu.apic.page.read(APIC_TMICT), cpu.now);
}
