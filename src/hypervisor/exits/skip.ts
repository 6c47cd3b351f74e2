import { STEP } from '../../cost/step.js';
import { BLOCKING_BY_STI_OR_MOV_SS } from '../../hardware/cpu/activity.js';
import { VECTOR_DB } from '../../hardware/cpu/exception-vector.js';
import { RFLAGS_RF, RFLAGS_TF } from '../../hardware/cpu/rflags.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import type { HostCpu } from '../host-cpu.js';

const DR6_BS = 1 << 14;

/** S12, kvm_skip_emulated_instruction: past the instruction, and the single-step trap behind it. */
export function skipInstruction(host: HostCpu, length?: number): void {
  moveBehind(host, length);
  const flags = host.cpu.vmx.vmreadLow(VMCS_FIELD.GUEST_RFLAGS);
  if ((flags & RFLAGS_TF) !== 0) host.vcpu.queueException(VECTOR_DB, null, DR6_BS);
}

/** The end of x86_emulate_instruction: as above, and RF has done its work. */
export function finishEmulation(host: HostCpu, length: number): void {
  const { vmx } = host.cpu;
  const flags = vmx.vmread(VMCS_FIELD.GUEST_RFLAGS);
  if ((flags & RFLAGS_RF) !== 0) vmx.vmwrite(VMCS_FIELD.GUEST_RFLAGS, flags & ~RFLAGS_RF);
  skipInstruction(host, length);
}

/** RIP moves past the instruction, blocking by STI or MOV SS ends. */
export function moveBehind(host: HostCpu, length = host.cpu.vmx.vmreadLow(VMCS_FIELD.VM_EXIT_INSTRUCTION_LEN)): void {
  const { vmx } = host.cpu;
  host.cpu.charge(STEP.SKIP_INSTRUCTION);
  vmx.vmwrite(VMCS_FIELD.GUEST_RIP, vmx.vmread(VMCS_FIELD.GUEST_RIP) + length);
  const blocking = vmx.vmreadLow(VMCS_FIELD.GUEST_INTERRUPTIBILITY_INFO);
  if ((blocking & BLOCKING_BY_STI_OR_MOV_SS) === 0) return;
  vmx.vmwrite(VMCS_FIELD.GUEST_INTERRUPTIBILITY_INFO, blocking & ~BLOCKING_BY_STI_OR_MOV_SS);
}
