/**
 * How a PC's firmware leaves the bootstrap processor's local APIC: virtual wire mode, in which the PIC interrupts through
 * LINT0 and LINT1 is the NMI (MultiProcessor Specification 1.4, 3.6.2.2). SeaBIOS writes the same values.
 */
import { APIC_LVT_LINT0, APIC_LVT_LINT1, APIC_SVR } from '../hardware/apic/registers.js';

const SOFTWARE_ENABLED = 0x1ff;
const EXTINT_LEVEL = 0x8700;
const NMI_LEVEL = 0x8400;

/** Writes a register at an offset of the APIC's page. */
interface RegisterPage {
  writeRegister(offset: number, value: number): unknown;
}

export function enterVirtualWireMode(apic: RegisterPage): void {
  apic.writeRegister(APIC_SVR, SOFTWARE_ENABLED);
  apic.writeRegister(APIC_LVT_LINT0, EXTINT_LEVEL);
  apic.writeRegister(APIC_LVT_LINT1, NMI_LEVEL);
}
