/**
 * APIC-write emulation: what the processor does after an instruction has written to the virtual-APIC page through the
 * APIC-access page (SDM vol. 3, 30.4.3.2 and 30.4.3.3), and after SENDUIPI has written its notification there.
 */
import { STEP } from '../../cost/step.js';
import { APIC_EOI, APIC_ICR, APIC_ICR_HIGH, APIC_TPR } from '../apic/registers.js';
import type { IcrOutcome } from '../../trace/event.js';
import { DONE, WAIT, type Outcome } from '../cpu/outcome.js';
import { EXIT_REASON_APIC_WRITE, EXIT_REASON_EOI_INDUCED, EXIT_REASON_TPR_BELOW_THRESHOLD } from './exit-reason.js';
import { traceIcrWrite } from './icr-trace.js';
import { IPI_EXITS, IPI_WAITS } from './ipi-virtualization.js';
import { virtualizeEoi, virtualizeSelfIpi, virtualizeTpr } from './micro-operations.js';
import type { VirtualApic } from './virtual-apic.js';

/** Bits of VICR_LO that must be 0 in a self-IPI: 31:20, 17:15, 13:12, 10:8. */
const SELF_IPI_MUST_BE_ZERO = 0xfff3_b700;
/** Destination shorthand of the ICR, bits 19:18: self. */
export const SELF_SHORTHAND = 1;
/** Bits of the ICR that must be 0 in an IPI that can be virtualized: all but the vector and bit 14 (level). */
export const IPI_MUST_BE_ZERO = 0xffff_bf00;

/** After the write to page offset `offset`. DONE, WAIT, or REDIRECTED = trap-like VM exit. */
export function emulateApicWrite(unit: VirtualApic, offset: number): Outcome {
  const isEoi = offset === APIC_EOI && unit.state.virtualInterruptDelivery;
  if (unit.begin() && isEoi) unit.cpu.charge(STEP.EOI_VIRTUALIZATION);
  switch (offset) {
    case APIC_TPR:
      return emulateTprWrite(unit);
    case APIC_EOI:
      return isEoi ? emulateEoi(unit) : apicWriteExit(unit, offset);
    case APIC_ICR:
      return emulateIcrWrite(unit);
    case APIC_ICR_HIGH:
    case APIC_ICR_HIGH + 1:
    case APIC_ICR_HIGH + 2:
    case APIC_ICR_HIGH + 3:
      return emulateIcrHighWrite(unit);
    default:
      return apicWriteExit(unit, offset);
  }
}

function apicWriteExit(unit: VirtualApic, offset: number): Outcome {
  return unit.exits.exit(EXIT_REASON_APIC_WRITE, offset, true);
}

function emulateTprWrite(unit: VirtualApic): Outcome {
  const { page, state } = unit;
  if (unit.mustWaitForPage() || !page.collectPriority()) return WAIT;
  page.write(APIC_TPR, page.vtpr & 0xff);
  if (virtualizeTpr(page, state)) return unit.exits.exit(EXIT_REASON_TPR_BELOW_THRESHOLD, 0, true);
  return unit.evaluated();
}

function emulateEoi(unit: VirtualApic): Outcome {
  const { page, state } = unit;
  if (unit.mustWaitForPage() || !page.collectPriority() || !page.collectVisr()) return WAIT;
  unit.cpu.trace?.({ name: 'ipiv_eoi', vector: state.svi });
  const vector = virtualizeEoi(page, state);
  if (vector >= 0) return unit.exits.exit(EXIT_REASON_EOI_INDUCED, vector, true);
  return unit.evaluated();
}

function emulateIcrHighWrite(unit: VirtualApic): Outcome {
  const { page } = unit;
  if (unit.mustWaitForPage() || !page.collect(APIC_ICR_HIGH, true)) return WAIT;
  page.write(APIC_ICR_HIGH, page.read(APIC_ICR_HIGH) & 0xff00_0000);
  return DONE;
}

function emulateIcrWrite(unit: VirtualApic): Outcome {
  const { page, state } = unit;
  if (!page.collect(APIC_ICR, false)) return WAIT;
  const icr = page.read(APIC_ICR);
  if (state.virtualInterruptDelivery && isVirtualizableSelfIpi(icr)) return emulateSelfIpi(unit, icr & 0xff);
  if (!state.ipiVirtualization || (icr & IPI_MUST_BE_ZERO) !== 0) return icrExit(unit);
  return virtualizeIpi(unit, icr & 0xff, destination(unit));
}

/** VICR_HI[31:24], or the upper half of a 64-bit VICR when APIC accesses are not virtualized (SENDUIPI). */
function destination({ page, state }: VirtualApic): number {
  return state.virtualizeApicAccesses ? page.read(APIC_ICR_HIGH) >>> 24 : page.read(APIC_ICR + 4);
}

function icrExit(unit: VirtualApic): Outcome {
  traceIcr(unit, 'exit');
  return apicWriteExit(unit, APIC_ICR);
}

function traceIcr({ cpu, page, state }: VirtualApic, outcome: IcrOutcome): void {
  if (cpu.trace === null) return;
  const high = page.read(state.virtualizeApicAccesses ? APIC_ICR_HIGH : APIC_ICR + 4);
  traceIcrWrite(cpu, high, page.read(APIC_ICR), outcome);
}

function isVirtualizableSelfIpi(icr: number): boolean {
  return (icr & SELF_IPI_MUST_BE_ZERO) === 0 && icr >>> 18 === SELF_SHORTHAND && (icr & 0xf0) !== 0;
}

function emulateSelfIpi(unit: VirtualApic, vector: number): Outcome {
  const { page, state } = unit;
  unit.chargeOnce(STEP.SELF_IPI_VIRTUALIZATION);
  if (unit.mustWaitForPage() || !page.collectPriority() || !page.collectVirr()) return WAIT;
  traceIcr(unit, 'self');
  virtualizeSelfIpi(page, state, vector);
  return unit.evaluated();
}

function virtualizeIpi(unit: VirtualApic, vector: number, apicId: number): Outcome {
  const preparation = unit.ipi.prepare(vector, apicId);
  if (preparation === IPI_WAITS) return WAIT;
  if (preparation === IPI_EXITS) return icrExit(unit);
  traceIcr(unit, 'posted');
  unit.ipi.post(vector);
  return DONE;
}
