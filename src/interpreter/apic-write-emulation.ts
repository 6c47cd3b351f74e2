// APIC-write emulation: what the processor does after an instruction has written to the virtual-APIC page through the
// APIC-access page (SDM vol. 3, 30.4.3.2 and 30.4.3.3), and after SENDUIPI has written its notification there.
import { STEP_EOI_VIRTUALIZATION, STEP_SELF_IPI_VIRTUALIZATION } from '../cost/step-numbers';
import { APIC_EOI, APIC_ICR, APIC_ICR_HIGH, APIC_TPR } from '../hardware/apic/registers';
import {
  EXITS,
  REPORT_ICR_EXITS,
  REPORT_ICR_POSTED,
  REPORT_ICR_SELF,
  VIRTUALIZE_APIC_ACCESSES,
  VIRTUALIZE_INTERRUPT_DELIVERY,
  VIRTUALIZE_IPIS,
} from '../hardware/cpu/layout';
import { EXIT_REASON_APIC_WRITE } from '../hardware/vmx/exit-reason';
import { charge } from './cost';
import { IPI_MUST_BE_ZERO, postIpi, prepareIpi } from './ipi-virtualization';
import { begin, DONE, exit, reaches, report, WAIT } from './microcode';
import {
  collectRegister,
  mustWaitForRegister,
  mustWaitForRegisters,
  PRIORITY,
  readRegister,
  SELF_SHORTHAND,
  virtualizeEoi,
  virtualizes,
  virtualizeSelfIpi,
  virtualizeTpr,
  VIRR,
  VISR,
  writeRegister,
} from './virtual-apic';

/** Bits of VICR_LO that must be 0 in a self-IPI: 31:20, 17:15, 13:12, 10:8. */
const SELF_IPI_MUST_BE_ZERO: u32 = 0xfff3_b700;
const SHORTHAND: u32 = 3 << 18;

/** After the write to page offset `offset`: DONE, WAIT, or EXITS = trap-like VM exit. */
export function emulateApicWrite(cpu: usize, offset: u32): u32 {
  const isEoi = offset == APIC_EOI && virtualizes(cpu, VIRTUALIZE_INTERRUPT_DELIVERY);
  if (begin(cpu) && isEoi) charge(cpu, STEP_EOI_VIRTUALIZATION);
  if (isEoi) return emulateEoi(cpu);
  if (offset == APIC_TPR) return emulateTprWrite(cpu);
  if (offset == APIC_ICR) return emulateIcrWrite(cpu);
  if ((offset & ~3) == APIC_ICR_HIGH) return emulateIcrHighWrite(cpu);
  return exit(cpu, EXIT_REASON_APIC_WRITE, offset);
}

function emulateTprWrite(cpu: usize): u32 {
  if (mustWaitForRegisters(cpu, PRIORITY)) return WAIT;
  writeRegister(cpu, APIC_TPR, readRegister(cpu, APIC_TPR) & 0xff);
  return virtualizeTpr(cpu);
}

function emulateEoi(cpu: usize): u32 {
  if (mustWaitForRegisters(cpu, PRIORITY | VISR)) return WAIT;
  return virtualizeEoi(cpu);
}

function emulateIcrHighWrite(cpu: usize): u32 {
  if (mustWaitForRegister(cpu, APIC_ICR_HIGH)) return WAIT;
  writeRegister(cpu, APIC_ICR_HIGH, readRegister(cpu, APIC_ICR_HIGH) & 0xff00_0000);
  return DONE;
}

function emulateIcrWrite(cpu: usize): u32 {
  if (!collectRegister(cpu, APIC_ICR, false)) return WAIT;
  const icr = readRegister(cpu, APIC_ICR);
  if (virtualizes(cpu, VIRTUALIZE_INTERRUPT_DELIVERY) && isVirtualizableSelfIpi(icr)) {
    return emulateSelfIpi(cpu, icr & 0xff);
  }
  if (!virtualizes(cpu, VIRTUALIZE_IPIS) || (icr & IPI_MUST_BE_ZERO) != 0) return exitForIcr(cpu);
  return virtualizeIpi(cpu, icr & 0xff);
}

function isVirtualizableSelfIpi(icr: u32): bool {
  return (icr & SELF_IPI_MUST_BE_ZERO) == 0 && (icr & SHORTHAND) == SELF_SHORTHAND && (icr & 0xf0) != 0;
}

function emulateSelfIpi(cpu: usize, vector: u32): u32 {
  if (reaches(cpu, 1)) charge(cpu, STEP_SELF_IPI_VIRTUALIZATION);
  if (mustWaitForRegisters(cpu, PRIORITY | VIRR)) return WAIT;
  reportIcr(cpu, REPORT_ICR_SELF);
  virtualizeSelfIpi(cpu, vector);
  return DONE;
}

function virtualizeIpi(cpu: usize, vector: u32): u32 {
  const destination = destinationOf(cpu);
  const outcome = prepareIpi(cpu, vector, destination);
  if (outcome == WAIT) return WAIT;
  if (outcome == EXITS) return exitForIcr(cpu);
  reportIcr(cpu, REPORT_ICR_POSTED);
  postIpi(cpu, vector, destination);
  return DONE;
}

function exitForIcr(cpu: usize): u32 {
  reportIcr(cpu, REPORT_ICR_EXITS);
  return exit(cpu, EXIT_REASON_APIC_WRITE, APIC_ICR);
}

/** VICR_HI[31:24], or the upper half of a 64-bit VICR when APIC accesses are not virtualized (SENDUIPI). */
function destinationOf(cpu: usize): u32 {
  return virtualizes(cpu, VIRTUALIZE_APIC_ACCESSES) ? icrHigh(cpu) >> 24 : icrHigh(cpu);
}

function icrHigh(cpu: usize): u32 {
  return readRegister(cpu, virtualizes(cpu, VIRTUALIZE_APIC_ACCESSES) ? APIC_ICR_HIGH : APIC_ICR + 4);
}

function reportIcr(cpu: usize, event: u32): void {
  report(cpu, event, icrHigh(cpu), readRegister(cpu, APIC_ICR));
}
