/**
 * Exit 29: MOV to and from debug registers (handle_dr, vmx.c). The first access gives the registers to the guest: it is
 * executed again, and exits no more until the vCPU leaves the guest for another reason (KVM_DEBUGREG_WONT_EXIT,
 * vmx_sync_dirty_debug_regs). The registers stay in the physical CPU, whose only user the vCPU is.
 *
 * Left out: debugging of the guest by user space, and general detect (DR7.GD, which the processor drops).
 */
import { STEP } from '../../cost/step.js';
import type { HostCpu } from '../host-cpu.js';
import type { Vcpu } from '../vcpu.js';
import { EXIT_CONTINUES, type ExitResult } from './exit-result.js';

export function handleDrAccess(host: HostCpu): ExitResult {
  const { cpu, vcpu } = host;
  cpu.charge(STEP.DR_ACCESS_HANDLER);
  vcpu.vmcs.setDebugRegisterExiting(false);
  vcpu.debugRegistersLoaded = true;
  return EXIT_CONTINUES;
}

/** After the exit that ends the guest's free use of the debug registers. */
export function restoreDebugRegisterExiting(vcpu: Vcpu): void {
  if (!vcpu.debugRegistersLoaded) return;
  vcpu.debugRegistersLoaded = false;
  vcpu.vmcs.setDebugRegisterExiting(true);
}
