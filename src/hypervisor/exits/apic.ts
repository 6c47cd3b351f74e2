/**
 * Exits of APIC virtualization: APIC access (44), APIC write (56), EOI-induced (45), TPR below threshold (43). Follows
 * handle_apic_access, handle_apic_write, handle_apic_eoi_induced and handle_tpr_below_threshold (vmx.c),
 * kvm_apic_write_nodecode (lapic.c).
 */
import { STEP } from '../../cost/step.js';
import type { HostCpu } from '../host-cpu.js';
import { emulateInstruction } from '../emulator/instruction-emulator.js';
import { sendEoi } from '../interrupt-chip.js';
import { applyApicWrite, writeApicRegister } from '../lapic/register-write.js';
import { APIC_EOI, APIC_ICR, APIC_ICR2, APIC_ICR_BUSY } from '../lapic/registers.js';
import type { ApicWrite } from '../lapic/vcpu-apic.js';
import { traceEoi } from '../tracepoints.js';
import { KVM_REQ_EVENT } from '../vcpu.js';
import { EXIT_CONTINUES, EXIT_WAITS, type ExitResult } from './exit-result.js';
import { skipInstruction } from './skip.js';

const OFFSET_MASK = 0xfff;
const ACCESS_TYPE_SHIFT = 12;
const ACCESS_TYPE_LINEAR_WRITE = 1;

/** Exit 56: the register is in the page already; RIP is past the instruction. */
export function handleApicWrite(host: HostCpu): ExitResult {
  const { cpu, vcpu } = host;
  if (cpu.begin()) cpu.charge(STEP.APIC_WRITE_HANDLER);
  if (cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  const offset = vcpu.exitQualification & 0xff0;
  const write =
    offset === APIC_ICR && vcpu.apic.x2apic
      ? sendVirtualizedIcr(host)
      : writeApicRegister(host, offset, vcpu.apic.page.read(offset));
  return applyApicWrite(host, write);
}

/**
 * The 64-bit VICR that IPI virtualization declined. v1 takes it through two register writes, ICR2 first, of which the
 * second clears the busy bit; the direct way does so from 6.7.
 */
function sendVirtualizedIcr(host: HostCpu): ApicWrite {
  const { apic } = host.vcpu;
  const { behaviour } = host.vm;
  const low = apic.page.read(APIC_ICR);
  const high = apic.page.read(APIC_ICR + 4);
  if (behaviour.x2apicIcrExit === 'split') apic.page.write(APIC_ICR2, high);
  const clearsBusy = behaviour.x2apicIcrExit === 'split' || behaviour.clearsIcrBusy;
  return apic.writeIcr(clearsBusy ? low & ~APIC_ICR_BUSY : low, high);
}

/** Exit 44: an EOI needs no decoding; everything else is emulated like an access to any device. */
export function handleApicAccess(host: HostCpu): ExitResult {
  const { vcpu } = host;
  const offset = vcpu.exitQualification & OFFSET_MASK;
  const type = (vcpu.exitQualification >>> ACCESS_TYPE_SHIFT) & 0xf;
  if (type === ACCESS_TYPE_LINEAR_WRITE && offset === APIC_EOI) return fastEoi(host);
  return emulateInstruction(host, vcpu.apic.basePage + offset);
}

function fastEoi(host: HostCpu): ExitResult {
  const { cpu } = host;
  if (cpu.begin()) cpu.charge(STEP.FAST_EOI_HANDLER);
  if (cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  skipInstruction(host);
  return applyApicWrite(host, writeApicRegister(host, APIC_EOI, 0));
}

/** Exit 45: the processor has virtualized the EOI; the I/O APIC has to hear of it. */
export function handleEoiInduced(host: HostCpu): ExitResult {
  const { cpu, vcpu } = host;
  if (cpu.begin()) cpu.charge(STEP.EOI_INDUCED_HANDLER);
  if (cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  traceEoi(host, vcpu.exitQualification & 0xff);
  vcpu.requests |= KVM_REQ_EVENT;
  return sendEoi(host, vcpu.exitQualification & 0xff);
}

/** Exit 43: the guest lowered its TPR so far that an interrupt may be deliverable. */
export function handleTprBelowThreshold(host: HostCpu): ExitResult {
  host.vcpu.apic.updateProcessorPriority();
  host.vcpu.requests |= KVM_REQ_EVENT;
  return EXIT_CONTINUES;
}
