import type { HostCpu } from '../host-cpu.js';
import type { VcpuFailure } from '../user-space.js';
import { EXIT_STOPS, type ExitResult } from './exit-result.js';

/** Reports a vCPU that cannot go on to user space. Visible: the caller is next in order. */
export function failVcpu(host: HostCpu, failure: VcpuFailure): ExitResult {
  host.vcpu.dead = true;
  host.vm.userSpace.failure(host.vcpu.id, failure);
  return EXIT_STOPS;
}

/** KVM_EXIT_INTERNAL_ERROR. */
export function failInternally(host: HostCpu, message: string): ExitResult {
  return failVcpu(host, { kind: 'internal-error', message });
}
