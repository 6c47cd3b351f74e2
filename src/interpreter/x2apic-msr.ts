// WRMSR of 800H-8FFH with "virtualize x2APIC mode" (SDM vol. 3, 30.5), once the MSR bitmap has let the instruction through.
// What is not virtualized reaches the physical local APIC.
import { STEP_EOI_VIRTUALIZATION, STEP_SELF_IPI_VIRTUALIZATION, STEP_VIRTUALIZED_MSR_WRITE } from '../cost/step-numbers';
import {
  CPU_SVI,
  EXITS,
  REPORT_EOI,
  REPORT_ICR_EXITS,
  REPORT_ICR_POSTED,
  REPORT_ICR_SELF,
  VIRTUALIZE_INTERRUPT_DELIVERY,
  VIRTUALIZE_IPIS,
} from '../hardware/cpu/layout';
import { charge } from './cost';
import { IPI_MUST_BE_ZERO, postIpi, prepareIpi } from './ipi-virtualization';
import { begin, DONE, exit, FAULT, PASS, report, WAIT } from './microcode';
import {
  collectPriority,
  collectRegister,
  collectVirr,
  collectVisr,
  EOI,
  EXIT_REASON_APIC_WRITE,
  EXIT_REASON_EOI_INDUCED,
  ICR,
  mustWaitForPage,
  SELF_IPI,
  SELF_SHORTHAND,
  TPR,
  virtualizeEoi,
  virtualizes,
  virtualizeSelfIpi,
  virtualizeTpr,
  writeRegister,
} from './virtual-apic';

/** ICR bits 31:20, 17:16 and 13. */
const ICR_RESERVED: u32 = 0xfff3_2000;

/** DONE = virtualized, PASS = not virtualized, FAULT = #GP(0); WAIT, EXITS. PASS and FAULT have changed nothing. */
export function writeX2apicMsr(cpu: usize, msr: u32, hi: u32, lo: u32): u32 {
  switch ((msr & 0xff) << 4) {
    case TPR:
      return writeTpr(cpu, hi, lo);
    case EOI:
      return virtualizes(cpu, VIRTUALIZE_INTERRUPT_DELIVERY) ? writeEoi(cpu, hi, lo) : PASS;
    case SELF_IPI:
      return virtualizes(cpu, VIRTUALIZE_INTERRUPT_DELIVERY) ? writeSelfIpi(cpu, hi, lo) : PASS;
    case ICR:
      return virtualizes(cpu, VIRTUALIZE_IPIS) ? writeIcr(cpu, hi, lo) : PASS;
    default:
      return PASS;
  }
}

function writeTpr(cpu: usize, hi: u32, lo: u32): u32 {
  if (hi != 0 || lo >> 8 != 0) return FAULT;
  if (begin(cpu)) charge(cpu, STEP_VIRTUALIZED_MSR_WRITE);
  if (mustWaitForPage(cpu) || !collectPriority(cpu)) return WAIT;
  writeLong(cpu, TPR, 0, lo);
  return virtualizeTpr(cpu);
}

function writeEoi(cpu: usize, hi: u32, lo: u32): u32 {
  if (hi != 0 || lo != 0) return FAULT;
  if (begin(cpu)) {
    charge(cpu, STEP_VIRTUALIZED_MSR_WRITE);
    charge(cpu, STEP_EOI_VIRTUALIZATION);
  }
  if (mustWaitForPage(cpu) || !collectPriority(cpu) || !collectVisr(cpu)) return WAIT;
  writeLong(cpu, EOI, 0, 0);
  report(cpu, REPORT_EOI, load<u32>(cpu, CPU_SVI));
  const vector = virtualizeEoi(cpu);
  return vector >= 0 ? exit(cpu, EXIT_REASON_EOI_INDUCED, vector) : DONE;
}

function writeSelfIpi(cpu: usize, hi: u32, lo: u32): u32 {
  if (hi != 0 || lo >> 8 != 0) return FAULT;
  const isLegal = (lo & 0xf0) != 0;
  if (begin(cpu)) {
    charge(cpu, STEP_VIRTUALIZED_MSR_WRITE);
    if (isLegal) charge(cpu, STEP_SELF_IPI_VIRTUALIZATION);
  }
  if (mustWaitForPage(cpu) || !collectRegister(cpu, SELF_IPI, true)) return WAIT;
  if (isLegal && (!collectPriority(cpu) || !collectVirr(cpu))) return WAIT;
  writeLong(cpu, SELF_IPI, 0, lo);
  report(cpu, isLegal ? REPORT_ICR_SELF : REPORT_ICR_EXITS, 0, SELF_SHORTHAND | lo);
  if (!isLegal) return exit(cpu, EXIT_REASON_APIC_WRITE, SELF_IPI);
  virtualizeSelfIpi(cpu, lo);
  return DONE;
}

/** The four steps of IPI virtualization hold the whole cost of the instruction. */
function writeIcr(cpu: usize, hi: u32, lo: u32): u32 {
  if ((lo & ICR_RESERVED) != 0) return FAULT;
  begin(cpu);
  if (mustWaitForPage(cpu) || !collectRegister(cpu, ICR, true)) return WAIT;
  const outcome = (lo & IPI_MUST_BE_ZERO) == 0 ? prepareIpi(cpu, lo & 0xff, hi) : EXITS;
  if (outcome == WAIT) return WAIT;
  writeLong(cpu, ICR, hi, lo);
  report(cpu, outcome == EXITS ? REPORT_ICR_EXITS : REPORT_ICR_POSTED, hi, lo);
  if (outcome == EXITS) return exit(cpu, EXIT_REASON_APIC_WRITE, ICR);
  postIpi(cpu, lo & 0xff, hi);
  return DONE;
}

/** A 64-bit register of x2APIC mode. */
function writeLong(cpu: usize, offset: u32, hi: u32, lo: u32): void {
  writeRegister(cpu, offset, lo);
  writeRegister(cpu, offset + 4, hi);
}
