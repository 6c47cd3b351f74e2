import { STEP } from '../../cost/step.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import type { HostCpu } from '../host-cpu.js';

const BLOCKING_BY_STI_OR_MOV_SS = 3;

/** S12, skip_emulated_instruction: RIP moves past the instruction, blocking by STI or MOV SS ends. */
export function skipInstruction(host: HostCpu, length = host.cpu.vmx.vmread(VMCS_FIELD.VM_EXIT_INSTRUCTION_LEN)): void {
  const { vmx } = host.cpu;
  host.cpu.charge(STEP.SKIP_INSTRUCTION);
  vmx.vmwrite(VMCS_FIELD.GUEST_RIP, vmx.vmread(VMCS_FIELD.GUEST_RIP) + length);
  const blocking = vmx.vmread(VMCS_FIELD.GUEST_INTERRUPTIBILITY_INFO);
  if ((blocking & BLOCKING_BY_STI_OR_MOV_SS) === 0) return;
  vmx.vmwrite(VMCS_FIELD.GUEST_INTERRUPTIBILITY_INFO, blocking & ~BLOCKING_BY_STI_OR_MOV_SS);
}
