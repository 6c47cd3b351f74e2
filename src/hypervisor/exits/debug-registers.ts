/**
 * Exit 29: MOV to and from debug registers (handle_dr, vmx.c). The first access gives the registers to the guest: it is
 * executed again, and exits no more until the vCPU leaves the guest for another reason (KVM_DEBUGREG_WONT_EXIT,
 * vmx_sync_dirty_debug_regs). The registers stay in the physical CPU, whose only user the vCPU is; DR7 stands in the VMCS.
 *
 * The exit comes before the exceptions of the instruction, which KVM therefore raises itself.
 *
 * Left out: debugging of the guest by user space; what loading DR0 to DR3 costs at every entry while the guest has a
 * breakpoint enabled.
 */
import { STEP } from '../../cost/step.js';
import { CR4_DE } from '../../hardware/cpu/control-register-bits.js';
import { VECTOR_DB, VECTOR_GP, VECTOR_UD } from '../../hardware/cpu/exception-vector.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import type { HostCpu } from '../host-cpu.js';
import type { Vcpu } from '../vcpu.js';
import { EXIT_CONTINUES, type ExitResult } from './exit-result.js';
import { cplOf } from './privilege.js';

/** Exit qualification: number of the register. */
const DEBUG_REG_ACCESS_NUM = 7;
const DR6_BD = 1 << 13;
const DR7_GD = 1 << 13;

export function handleDrAccess(host: HostCpu): ExitResult {
  const { cpu, vcpu } = host;
  cpu.charge(STEP.DR_ACCESS_HANDLER);
  if (raisesException(host)) return EXIT_CONTINUES;
  vcpu.vmcs.setDebugRegisterExiting(false);
  vcpu.debugRegistersLoaded = true;
  return EXIT_CONTINUES;
}

/** #UD for DR4 and DR5 with CR4.DE, #GP above privilege level 0, #DB for general detect. */
function raisesException(host: HostCpu): boolean {
  const { vcpu } = host;
  const { vmx } = host.cpu;
  const register = vcpu.exitQualification & DEBUG_REG_ACCESS_NUM;
  const isAlias = register === 4 || register === 5;
  if (isAlias && (vmx.vmread(VMCS_FIELD.GUEST_CR4) & CR4_DE) !== 0) vcpu.queueException(VECTOR_UD);
  else if (cplOf(host) !== 0) vcpu.queueException(VECTOR_GP, 0);
  else if ((vmx.vmread(VMCS_FIELD.GUEST_DR7) & DR7_GD) !== 0) vcpu.queueException(VECTOR_DB, null, DR6_BD);
  else return false;
  return true;
}

/** After the exit that ends the guest's free use of the debug registers. */
export function restoreDebugRegisterExiting(vcpu: Vcpu): void {
  if (!vcpu.debugRegistersLoaded) return;
  vcpu.debugRegistersLoaded = false;
  vcpu.vmcs.setDebugRegisterExiting(true);
}
