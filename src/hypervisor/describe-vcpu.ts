/** A vCPU in text, for reports of failures: last exit, general-purpose registers, and the VMCS as dump_vmcs prints it. */
import { generalRegisterLines } from '../hardware/cpu/register-text.js';
import { exitReasonName } from '../hardware/vmx/exit-reason-name.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import { dumpVmcs } from './dump-vmcs.js';
import type { Vcpu } from './vcpu.js';
import type { VirtualMachine } from './virtual-machine.js';

/**
 * Lines without line ends. While the vCPU is in the guest its VMCS holds the state of the last exit; outside of it the CPU
 * has all of the guest's general-purpose registers but RSP.
 */
export function describeVcpu(vcpu: Vcpu, vm: VirtualMachine): string[] {
  const { cpu } = vcpu;
  const total = vcpu.exits.reduce((sum, count) => sum + count, 0);
  const last = total === 0 ? 'no exit yet' : `last exit ${exitReasonName(vcpu.exitReason)}`;
  const where = cpu.nonRoot === null ? 'outside the guest' : `in the guest at ${hex(BigInt(cpu.rip))}`;
  return [
    `vCPU ${String(vcpu.id)} on CPU ${String(cpu.id)}: ${where}, ${String(total)} exits, ${last}`,
    ...generalRegisterLines(cpu, cpu.nonRoot === null ? cpu.vmx.vmread64(VMCS_FIELD.GUEST_RSP) : undefined),
    ...dumpVmcs(cpu.vmx, {
      behaviour: vm.behaviour,
      enabled: vm.parameters.dumpInvalidVmcs,
      vmcsAddress: vcpu.pages.vmcs,
      tertiary: cpu.features.ipiv,
      ipiv: cpu.features.ipiv,
      efer: vcpu.efer,
      lastCpu: cpu.id,
    }),
  ];
}

function hex(value: bigint): string {
  return BigInt.asUintN(64, value).toString(16).padStart(16, '0');
}
