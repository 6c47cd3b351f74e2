/**
 * Exits 0, 2, 3, 4, 7 and 8: exceptions and NMIs, triple fault, INIT, SIPI, interrupt and NMI windows
 * (handle_exception_nmi, handle_triple_fault, handle_interrupt_window, vmx.c).
 *
 * #DB, #UD, #AC and #MC exit. #BP and, with EPT, #PF do not: they are delivered in the guest.
 *
 * Left out: what the host's handler of machine checks does, detection of split locks (#AC), debugging of the guest by user
 * space (#BP).
 */
import { STEP } from '../../cost/step.js';
import { BLOCKING_BY_STI_OR_MOV_SS } from '../../hardware/cpu/activity.js';
import { VECTOR_DB, VECTOR_MC, VECTOR_UD } from '../../hardware/cpu/exception-vector.js';
import { RFLAGS_TF } from '../../hardware/cpu/rflags.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import type { HostCpu } from '../host-cpu.js';
import {
  INTR_INFO_DELIVER_CODE,
  INTR_INFO_TYPE_MASK,
  INTR_INFO_VECTOR_MASK,
  INTR_TYPE_NMI,
  INTR_TYPE_PRIV_SW_EXCEPTION,
  KVM_REQ_EVENT,
} from '../vcpu.js';
import { EXIT_CONTINUES, EXIT_WAITS, type ExitResult } from './exit-result.js';
import { failVcpu } from './failure.js';
import { handleInvalidOpcodeException } from './invalid-opcode.js';
import { moveBehind } from './skip.js';

const DR6_BS = 1 << 14;

/** Exit 0: NMIs and machine checks are the host's own, and are over; an exception goes back into the guest. */
export function handleExceptionOrNmi(host: HostCpu): ExitResult {
  const { cpu, vcpu } = host;
  const info = vcpu.exitInterruption;
  if ((info & INTR_INFO_TYPE_MASK) === INTR_TYPE_NMI) {
    cpu.charge(STEP.HOST_IRQ_ENTRY);
    return EXIT_CONTINUES;
  }
  const vector = info & INTR_INFO_VECTOR_MASK;
  if (vector === VECTOR_MC) return EXIT_CONTINUES;
  if (vector === VECTOR_DB) return handleDebugException(host);
  if (vector === VECTOR_UD) return handleInvalidOpcodeException(host);
  const errorCode = (info & INTR_INFO_DELIVER_CODE) === 0 ? null : cpu.vmx.vmread(VMCS_FIELD.VM_EXIT_INTR_ERROR_CODE);
  vcpu.queueException(vector, errorCode);
  return EXIT_CONTINUES;
}

/**
 * A #DB is the guest's own. INT1 exits at the instruction, which is skipped. Where STI or MOV SS block, VM entry wants
 * the single step of TF among the pending debug exceptions, and the exit has not put it there.
 */
function handleDebugException(host: HostCpu): ExitResult {
  const { vcpu } = host;
  const { vmx } = host.cpu;
  const isTraced = (vmx.vmread(VMCS_FIELD.GUEST_RFLAGS) & RFLAGS_TF) !== 0;
  const blocking = vmx.vmread(VMCS_FIELD.GUEST_INTERRUPTIBILITY_INFO) & BLOCKING_BY_STI_OR_MOV_SS;
  if ((vcpu.exitInterruption & INTR_INFO_TYPE_MASK) === INTR_TYPE_PRIV_SW_EXCEPTION) moveBehind(host);
  else if (isTraced && blocking !== 0) {
    const pending = vmx.vmread(VMCS_FIELD.GUEST_PENDING_DBG_EXCEPTIONS);
    vmx.vmwrite(VMCS_FIELD.GUEST_PENDING_DBG_EXCEPTIONS, pending | DR6_BS);
  }
  vcpu.queueException(VECTOR_DB, null, vcpu.exitQualification);
  return EXIT_CONTINUES;
}

/** Exit 1: the acknowledged vector's handler has run already, with interrupts off. */
export function handleExternalInterrupt(): ExitResult {
  return EXIT_CONTINUES;
}

export function handleTripleFault(host: HostCpu): ExitResult {
  const { cpu } = host;
  if (cpu.begin()) cpu.charge(STEP.USER_SPACE_EXIT);
  if (cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  return failVcpu(host, { kind: 'shutdown' });
}

/** Exit 8: the guest can take the NMI that waits. */
export function handleNmiWindow(host: HostCpu): ExitResult {
  const { cpu, vcpu } = host;
  cpu.charge(STEP.NMI_WINDOW_HANDLER);
  vcpu.vmcs.setNmiWindow(false);
  vcpu.requests |= KVM_REQ_EVENT;
  return EXIT_CONTINUES;
}

/** Exit 7: the guest can take the interrupt that waits. */
export function handleInterruptWindow(host: HostCpu): ExitResult {
  const { cpu, vcpu } = host;
  cpu.charge(STEP.INTERRUPT_WINDOW_HANDLER);
  vcpu.vmcs.setInterruptWindow(false);
  vcpu.requests |= KVM_REQ_EVENT;
  return EXIT_CONTINUES;
}
