// WRMSR of 800H-8FFH with "virtualize x2APIC mode" (SDM vol. 3, 30.5), once the MSR bitmap has let the instruction through.
// What is not virtualized reaches the physical local APIC.
import { STEP_EOI_VIRTUALIZATION, STEP_SELF_IPI_VIRTUALIZATION, STEP_VIRTUALIZED_MSR_WRITE } from '../cost/step-numbers';
import { APIC_EOI, APIC_ICR, APIC_SELF_IPI, APIC_TPR, ICR_RESERVED } from '../hardware/apic/registers';
import {
  EXITS,
  REPORT_ICR_EXITS,
  REPORT_ICR_POSTED,
  REPORT_ICR_SELF,
  VIRTUALIZE_INTERRUPT_DELIVERY,
  VIRTUALIZE_IPIS,
} from '../hardware/cpu/layout';
import { EXIT_REASON_APIC_WRITE } from '../hardware/vmx/exit-reason';
import { charge } from './cost';
import { IPI_MUST_BE_ZERO, postIpi, prepareIpi } from './ipi-virtualization';
import { begin, DONE, exit, FAULT, PASS, report, WAIT } from './microcode';
import {
  collectRegisters,
  mustWaitForRegister,
  mustWaitForRegisters,
  PRIORITY,
  SELF_SHORTHAND,
  virtualizeEoi,
  virtualizes,
  virtualizeSelfIpi,
  virtualizeTpr,
  VIRR,
  VISR,
  writeRegister,
} from './virtual-apic';

/** Page offset of the register behind an MSR of 800H-8FFH. */
// @ts-ignore: decorator
@inline
export function registerOf(msr: u32): u32 {
  return (msr & 0xff) << 4;
}

/** DONE = virtualized, PASS = not virtualized, FAULT = #GP(0); WAIT, EXITS. PASS and FAULT have changed nothing. */
export function writeX2apicMsr(cpu: usize, msr: u32, hi: u32, lo: u32): u32 {
  switch (registerOf(msr)) {
    case APIC_TPR:
      return writeTpr(cpu, hi, lo);
    case APIC_EOI:
      return virtualizes(cpu, VIRTUALIZE_INTERRUPT_DELIVERY) ? writeEoi(cpu, hi, lo) : PASS;
    case APIC_SELF_IPI:
      return virtualizes(cpu, VIRTUALIZE_INTERRUPT_DELIVERY) ? writeSelfIpi(cpu, hi, lo) : PASS;
    case APIC_ICR:
      return virtualizes(cpu, VIRTUALIZE_IPIS) ? writeIcr(cpu, hi, lo) : PASS;
    default:
      return PASS;
  }
}

function writeTpr(cpu: usize, hi: u32, lo: u32): u32 {
  if (hi != 0 || lo >> 8 != 0) return FAULT;
  if (begin(cpu)) charge(cpu, STEP_VIRTUALIZED_MSR_WRITE);
  if (mustWaitForRegisters(cpu, PRIORITY)) return WAIT;
  writeLong(cpu, APIC_TPR, 0, lo);
  return virtualizeTpr(cpu);
}

function writeEoi(cpu: usize, hi: u32, lo: u32): u32 {
  if (hi != 0 || lo != 0) return FAULT;
  if (begin(cpu)) {
    charge(cpu, STEP_VIRTUALIZED_MSR_WRITE);
    charge(cpu, STEP_EOI_VIRTUALIZATION);
  }
  if (mustWaitForRegisters(cpu, PRIORITY | VISR)) return WAIT;
  writeLong(cpu, APIC_EOI, 0, 0);
  return virtualizeEoi(cpu);
}

function writeSelfIpi(cpu: usize, hi: u32, lo: u32): u32 {
  if (hi != 0 || lo >> 8 != 0) return FAULT;
  const isLegal = (lo & 0xf0) != 0;
  if (begin(cpu)) {
    charge(cpu, STEP_VIRTUALIZED_MSR_WRITE);
    if (isLegal) charge(cpu, STEP_SELF_IPI_VIRTUALIZATION);
  }
  if (mustWaitForRegister(cpu, APIC_SELF_IPI)) return WAIT;
  if (isLegal && !collectRegisters(cpu, PRIORITY | VIRR)) return WAIT;
  writeLong(cpu, APIC_SELF_IPI, 0, lo);
  report(cpu, isLegal ? REPORT_ICR_SELF : REPORT_ICR_EXITS, 0, SELF_SHORTHAND | lo);
  if (!isLegal) return exit(cpu, EXIT_REASON_APIC_WRITE, APIC_SELF_IPI);
  virtualizeSelfIpi(cpu, lo);
  return DONE;
}

/** The four steps of IPI virtualization hold the whole cost of the instruction. */
function writeIcr(cpu: usize, hi: u32, lo: u32): u32 {
  if ((lo & u32(ICR_RESERVED)) != 0) return FAULT;
  begin(cpu);
  if (mustWaitForRegister(cpu, APIC_ICR)) return WAIT;
  const outcome = (lo & IPI_MUST_BE_ZERO) == 0 ? prepareIpi(cpu, lo & 0xff, hi) : EXITS;
  if (outcome == WAIT) return WAIT;
  writeLong(cpu, APIC_ICR, hi, lo);
  report(cpu, outcome == EXITS ? REPORT_ICR_EXITS : REPORT_ICR_POSTED, hi, lo);
  if (outcome == EXITS) return exit(cpu, EXIT_REASON_APIC_WRITE, APIC_ICR);
  postIpi(cpu, lo & 0xff, hi);
  return DONE;
}

/** A 64-bit register of x2APIC mode. */
function writeLong(cpu: usize, offset: u32, hi: u32, lo: u32): void {
  writeRegister(cpu, offset, lo);
  writeRegister(cpu, offset + 4, hi);
}
