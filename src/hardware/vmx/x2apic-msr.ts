/**
 * RDMSR and WRMSR of 800H-8FFH with "virtualize x2APIC mode" (SDM vol. 3, 30.5), once the MSR bitmap has let the
 * instruction through. What is not virtualized reaches the physical local APIC. Writes are the interpreter's
 * (src/interpreter/x2apic-msr.ts).
 */
import { STEP } from '../../cost/step.js';
import { APIC_TPR } from '../apic/registers.js';
import { generalProtection } from '../cpu/fault.js';
import { EXITS } from '../cpu/layout.js';
import { DONE, FAULT, PASS, WAIT, type Outcome } from '../cpu/outcome.js';
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
  if (cpu.begin()) cpu.charge(STEP.VIRTUALIZED_MSR_READ);
  if (!page.collect(offset, false)) return WAIT;
  cpu.setGprWords(RAX, 0, page.read(offset));
  cpu.setGprWords(RDX, 0, page.read(offset + 4));
  return DONE;
}

/** DONE = virtualized, PASS = not virtualized, FAULT = #GP(0), REDIRECTED = trap-like exit. */
export function writeX2apicMsr(unit: VirtualApic, msr: number, hi: number, lo: number, length: number): Outcome {
  const { cpu } = unit;
  const outcome = cpu.engine.writeX2apicMsr(cpu.block, msr, hi, lo);
  if (outcome === EXITS) return unit.exitAfter(length);
  return outcome === FAULT ? generalProtection(cpu) : (outcome as Outcome);
}
