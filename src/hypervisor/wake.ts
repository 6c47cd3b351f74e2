/**
 * Waking a vCPU's thread (kvm_vcpu_wake_up, try_to_wake_up) and kicking a vCPU out of the guest (kvm_vcpu_kick).
 * Visible: callers are next in order and have charged.
 */
import type { HostCpu } from './host-cpu.js';
import { EXITING_GUEST_MODE, IN_GUEST_MODE, type Vcpu } from './vcpu.js';

/** Makes the thread of `vcpu` runnable; true when its CPU idles and needs a reschedule IPI to notice. */
export function wakeThread(host: HostCpu, vcpu: Vcpu): boolean {
  if (!vcpu.sleeping) return false;
  vcpu.sleeping = false;
  const target = host.of(vcpu);
  return target !== host && target.idle;
}

/** Marks a vCPU in guest mode as leaving; true when its CPU needs a reschedule IPI to do so. */
export function requestExit(host: HostCpu, vcpu: Vcpu): boolean {
  if (vcpu.mode !== IN_GUEST_MODE) return false;
  vcpu.mode = EXITING_GUEST_MODE;
  return vcpu !== host.vcpu;
}
