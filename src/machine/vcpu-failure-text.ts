import type { VcpuFailure } from '../hypervisor/user-space.js';

/** Why a vCPU cannot go on, in words. */
export function vcpuFailureText(failure: VcpuFailure): string {
  switch (failure.kind) {
    case 'fail-entry':
      return `VM entry failed, hardware reason ${failure.hardwareReason.toString(16)}H`;
    case 'shutdown':
      return 'triple fault';
    case 'internal-error':
      return failure.message;
  }
}
