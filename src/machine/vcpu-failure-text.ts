import type { Cpu } from '../hardware/cpu/cpu.js';
import type { DeliveryFault } from '../hardware/cpu/fault.js';
import type { VcpuFailure } from '../hypervisor/user-space.js';

const EXCEPTIONS = '#DE #DB NMI #BP #OF #BR #UD #NM #DF - #TS #NP #SS #GP #PF - #MF #AC #MC #XM #VE #CP'.split(' ');

/** Why a vCPU cannot go on, in words. `cpu` is the CPU that it ran on. */
export function vcpuFailureText(failure: VcpuFailure, cpu: Cpu): string {
  switch (failure.kind) {
    case 'fail-entry':
      return `VM entry failed, hardware reason ${failure.hardwareReason.toString(16)}H`;
    case 'shutdown':
      return tripleFaultText(cpu.deliveryFaults);
    case 'internal-error':
      return failure.message;
  }
}

function tripleFaultText(faults: readonly DeliveryFault[]): string {
  if (faults.length === 0) return 'triple fault';
  const [{ rip, mode }] = faults;
  const causes = faults.map(({ vector, errorCode, delivering }) => {
    return `${vectorName(vector)}${errorCodeText(errorCode)} while delivering ${vectorName(delivering)}`;
  });
  return `triple fault at RIP ${BigInt.asUintN(64, BigInt(rip)).toString(16)}H in ${mode}: ${causes.join(', ')}`;
}

function errorCodeText(errorCode: number | null): string {
  return errorCode === null ? '' : `(${errorCode.toString(16).padStart(4, '0')}H)`;
}

function vectorName(vector: number): string {
  return EXCEPTIONS[vector] ?? `interrupt ${String(vector)}`;
}
