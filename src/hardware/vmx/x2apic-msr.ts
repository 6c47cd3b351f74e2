/**
 * RDMSR and WRMSR of 800H-8FFH with "virtualize x2APIC mode" (SDM vol. 3, 30.5), once the MSR bitmap has let the
 * instruction through. What is not virtualized reaches the physical local APIC.
 */
import { STEP } from '../../cost/step.js';
import { APIC_EOI, APIC_ICR, APIC_SELF_IPI, APIC_TPR, ICR_RESERVED } from '../apic/registers.js';
import { generalProtection } from '../cpu/fault.js';
import { DONE, PASS, WAIT, type Outcome } from '../cpu/outcome.js';
import { IPI_MUST_BE_ZERO, SELF_SHORTHAND } from './apic-write-emulation.js';
import { EXIT_REASON_APIC_WRITE, EXIT_REASON_EOI_INDUCED, EXIT_REASON_TPR_BELOW_THRESHOLD } from './exit-reason.js';
import { traceIcrWrite } from './icr-trace.js';
import { IPI_EXITS, IPI_WAITS } from './ipi-virtualization.js';
import { virtualizeEoi, virtualizeSelfIpi, virtualizeTpr } from './micro-operations.js';
import type { VirtualApic } from './virtual-apic.js';

const RAX = 0;
const RDX = 2;

/** Page offset of the register behind an x2APIC MSR. */
function pageOffset(msr: number): number {
  return (msr & 0xff) << 4;
}

/** DONE = EDX:EAX come from the virtual-APIC page; PASS = not virtualized. */
export function readX2apicMsr(unit: VirtualApic, msr: number): Outcome {
  const { cpu, page, state } = unit;
  const offset = pageOffset(msr);
  if (!state.apicRegisterVirtualization && offset !== APIC_TPR) return PASS;
  if (unit.begin()) cpu.charge(STEP.VIRTUALIZED_MSR_READ);
  if (!page.collect(offset, false)) return WAIT;
  cpu.setGprWords(RAX, 0, page.read(offset));
  cpu.setGprWords(RDX, 0, page.read(offset + 4));
  return DONE;
}

/** DONE = virtualized, PASS = not virtualized, FAULT = #GP(0), REDIRECTED = trap-like exit. */
export function writeX2apicMsr(unit: VirtualApic, msr: number, hi: number, lo: number, length: number): Outcome {
  const { state } = unit;
  switch (pageOffset(msr)) {
    case APIC_TPR:
      return writeTpr(unit, hi, lo, length);
    case APIC_EOI:
      return state.virtualInterruptDelivery ? writeEoi(unit, hi, lo, length) : PASS;
    case APIC_SELF_IPI:
      return state.virtualInterruptDelivery ? writeSelfIpi(unit, hi, lo, length) : PASS;
    case APIC_ICR:
      return state.ipiVirtualization ? writeIcr(unit, hi, lo, length) : PASS;
    default:
      return PASS;
  }
}

function writeTpr(unit: VirtualApic, hi: number, lo: number, length: number): Outcome {
  if (hi !== 0 || lo >>> 8 !== 0) return generalProtection(unit.cpu);
  const { cpu, page, state } = unit;
  if (unit.begin()) cpu.charge(STEP.VIRTUALIZED_MSR_WRITE);
  if (unit.mustWaitForPage() || !page.collectPriority()) return WAIT;
  store(unit, APIC_TPR, 0, lo);
  if (virtualizeTpr(page, state)) return unit.exitAfter(length, EXIT_REASON_TPR_BELOW_THRESHOLD, 0);
  return unit.evaluated();
}

function writeEoi(unit: VirtualApic, hi: number, lo: number, length: number): Outcome {
  if (hi !== 0 || lo !== 0) return generalProtection(unit.cpu);
  const { cpu, page, state } = unit;
  if (unit.begin()) {
    cpu.charge(STEP.VIRTUALIZED_MSR_WRITE);
    cpu.charge(STEP.EOI_VIRTUALIZATION);
  }
  if (unit.mustWaitForPage() || !page.collectPriority() || !page.collectVisr()) return WAIT;
  store(unit, APIC_EOI, 0, 0);
  cpu.trace?.({ name: 'ipiv_eoi', vector: state.svi });
  const vector = virtualizeEoi(page, state);
  if (vector >= 0) return unit.exitAfter(length, EXIT_REASON_EOI_INDUCED, vector);
  return unit.evaluated();
}

function writeSelfIpi(unit: VirtualApic, hi: number, lo: number, length: number): Outcome {
  if (hi !== 0 || lo >>> 8 !== 0) return generalProtection(unit.cpu);
  const { cpu, page, state } = unit;
  const isLegal = (lo & 0xf0) !== 0;
  if (unit.begin()) {
    cpu.charge(STEP.VIRTUALIZED_MSR_WRITE);
    if (isLegal) cpu.charge(STEP.SELF_IPI_VIRTUALIZATION);
  }
  if (unit.mustWaitForPage() || !page.collect(APIC_SELF_IPI, true)) return WAIT;
  if (isLegal && (!page.collectPriority() || !page.collectVirr())) return WAIT;
  store(unit, APIC_SELF_IPI, 0, lo);
  traceIcrWrite(cpu, 0, (SELF_SHORTHAND << 18) | lo, isLegal ? 'self' : 'exit');
  if (!isLegal) return unit.exitAfter(length, EXIT_REASON_APIC_WRITE, APIC_SELF_IPI);
  virtualizeSelfIpi(page, state, lo);
  return unit.evaluated();
}

function writeIcr(unit: VirtualApic, hi: number, lo: number, length: number): Outcome {
  if ((lo & ICR_RESERVED) !== 0) return generalProtection(unit.cpu);
  const { ipi, page } = unit;
  unit.begin(); // the four ipiv steps hold the whole cost of the instruction
  if (unit.mustWaitForPage() || !page.collect(APIC_ICR, true)) return WAIT;
  const preparation = (lo & IPI_MUST_BE_ZERO) === 0 ? ipi.prepare(lo & 0xff, hi >>> 0) : IPI_EXITS;
  if (preparation === IPI_WAITS) return WAIT;
  store(unit, APIC_ICR, hi, lo);
  traceIcrWrite(unit.cpu, hi, lo, preparation === IPI_EXITS ? 'exit' : 'posted');
  if (preparation === IPI_EXITS) return unit.exitAfter(length, EXIT_REASON_APIC_WRITE, APIC_ICR);
  ipi.post(lo & 0xff);
  return DONE;
}

function store({ page }: VirtualApic, offset: number, hi: number, lo: number): void {
  page.write(offset, lo);
  page.write(offset + 4, hi);
}
