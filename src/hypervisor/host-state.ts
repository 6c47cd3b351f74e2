/**
 * Host state of a VMCS: what a VM exit loads (vmx_set_constant_host_state and vmx_set_host_fs_gs, vmx.c). The host is a
 * 64-bit Linux kernel; its code is a model, so addresses are those of a plausible layout and nothing is fetched there.
 */
import { VMCS_FIELD as F } from '../hardware/vmx/vmcs-field.js';
import { writeField, type VmcsAccess } from './control-shadow.js';

const KERNEL_CS = 0x10;
const KERNEL_DS = 0x18;
const KERNEL_TSS = 0x40;
/** Kernel image and per-CPU area, as sign-extended addresses. */
const KERNEL_TEXT = -0x7f00_0000;
const CPU_ENTRY_AREA = -0x0200_0000_0000;
const CPU_ENTRY_AREA_BYTES = 0x3_b000;

export interface HostState {
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
  /** IA32_PAT as two words. */
  readonly pat: bigint;
}

/** CR0: PE MP ET NE WP AM PG. CR4: PAE MCE PGE OSFXSR OSXMMEXCPT VMXE. EFER: SCE LME LMA NXE. PAT as Linux sets it. */
export const LINUX_HOST_STATE: HostState = {
  cr0: 0x8005_0033,
  cr3: 0x1000,
  cr4: 0x26e0,
  efer: 0xd01,
  pat: 0x0407_0506_0007_0106n,
};

/** Writes every host-state field for the physical CPU `cpuId`, except PAT and EFER, which depend on controls. */
export function writeHostState(vmcs: VmcsAccess, host: HostState, cpuId: number): void {
  const area = CPU_ENTRY_AREA + cpuId * CPU_ENTRY_AREA_BYTES;
  // prettier-ignore
  const fields: readonly (readonly [field: number, value: number])[] = [
    [F.HOST_CR0,               host.cr0],
    [F.HOST_CR3,               host.cr3],
    [F.HOST_CR4,               host.cr4],
    [F.HOST_CS_SELECTOR,       KERNEL_CS],
    [F.HOST_SS_SELECTOR,       KERNEL_DS],
    [F.HOST_DS_SELECTOR,       0],
    [F.HOST_ES_SELECTOR,       0],
    [F.HOST_FS_SELECTOR,       0],
    [F.HOST_GS_SELECTOR,       0],
    [F.HOST_TR_SELECTOR,       KERNEL_TSS],
    [F.HOST_FS_BASE,           0],
    [F.HOST_GS_BASE,           area + 0x3_0000],
    [F.HOST_TR_BASE,           area + 0x3000],
    [F.HOST_GDTR_BASE,         area + 0x1000],
    [F.HOST_IDTR_BASE,         CPU_ENTRY_AREA - 0x1000],
    [F.HOST_IA32_SYSENTER_CS,  KERNEL_CS],
    [F.HOST_IA32_SYSENTER_ESP, area + 0x3200],
    [F.HOST_IA32_SYSENTER_EIP, KERNEL_TEXT + 0x1000],
    [F.HOST_RSP,               area + 0x8000],
    [F.HOST_RIP,               KERNEL_TEXT + 0x2000],
  ];
  for (const [field, value] of fields) writeField(vmcs, field, value);
}
