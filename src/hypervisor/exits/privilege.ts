import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import type { HostCpu } from '../host-cpu.js';

/** DPL in access rights. */
const DPL_SHIFT = 5;

/** Privilege level of the guest (vmx_get_cpl): the DPL of SS. */
export function cplOf({ cpu }: HostCpu): number {
  return (cpu.vmx.vmread(VMCS_FIELD.GUEST_SS_AR_BYTES) >>> DPL_SHIFT) & 3;
}
