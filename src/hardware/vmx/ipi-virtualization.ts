/**
 * IPI virtualization (SDM vol. 3, 30.1.6) is the interpreter's (src/interpreter/ipi-virtualization.ts); the notification,
 * which leaves by way of the physical local APIC, is sent here.
 */
import { APIC_ICR, APIC_ICR_HIGH, X2APIC_MSR_ICR } from '../apic/registers.js';
import type { Cpu } from '../cpu/cpu.js';

/** Fixed, edge-triggered, physical destination, by way of the physical ICR in the mode of the physical APIC. */
export function sendNotification(cpu: Cpu, vector: number, destination: number): void {
  const { apic, bus } = cpu;
  if (apic.x2apic) {
    bus.route(cpu, apic.writeMsr(X2APIC_MSR_ICR, destination, vector));
  } else {
    bus.route(cpu, apic.writeRegister(APIC_ICR_HIGH, ((destination >>> 8) & 0xff) << 24));
    bus.route(cpu, apic.writeRegister(APIC_ICR, vector));
  }
}
