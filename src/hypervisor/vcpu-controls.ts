/**
 * The controls of one vCPU, from the configuration of the module: vmx_pin_based_exec_ctrl, vmx_exec_control,
 * vmx_secondary_exec_control, vmx_tertiary_exec_control, vmx_vmexit_ctrl and vmx_vmentry_ctrl (vmx.c).
 */
import {
  CPU_BASED_HLT_EXITING,
  CPU_BASED_INTR_WINDOW_EXITING,
  CPU_BASED_MONITOR_EXITING,
  CPU_BASED_MWAIT_EXITING,
  CPU_BASED_NMI_WINDOW_EXITING,
  PIN_BASED_POSTED_INTR,
  SECONDARY_EXEC_APIC_REGISTER_VIRT,
  SECONDARY_EXEC_PAUSE_LOOP_EXITING,
  SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES,
  SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE,
  SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY,
  TERTIARY_EXEC_IPI_VIRT,
  VM_ENTRY_IA32E_MODE,
  VM_ENTRY_LOAD_IA32_EFER,
  VM_EXIT_LOAD_IA32_EFER,
} from '../hardware/vmx/controls.js';
import type { HardwareSetup } from './hardware-setup.js';

/** What APICv switches in the secondary controls. */
export const APICV_SECONDARY = SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
export const IPIV_TERTIARY = BigInt(TERTIARY_EXEC_IPI_VIRT);

export function pinControls({ config }: HardwareSetup, apicvActive: boolean): number {
  return (apicvActive ? config.pin : config.pin & ~PIN_BASED_POSTED_INTR) >>> 0;
}

/** Interrupt and NMI windows are opened on demand; KVM_CAP_X86_DISABLE_EXITS takes HLT, MONITOR and MWAIT away. */
export function primaryControls({ config, parameters }: HardwareSetup): number {
  let value = config.primary & ~(CPU_BASED_INTR_WINDOW_EXITING | CPU_BASED_NMI_WINDOW_EXITING);
  if (parameters.disableExits.hlt) value &= ~CPU_BASED_HLT_EXITING;
  if (parameters.disableExits.mwait) value &= ~(CPU_BASED_MWAIT_EXITING | CPU_BASED_MONITOR_EXITING);
  return value >>> 0;
}

/** Virtualize-x2APIC mode stays off until the guest enables its x2APIC. */
export function secondaryControls({ config, parameters }: HardwareSetup, apicvActive: boolean): number {
  let value = config.secondary & ~SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
  if (!parameters.flexpriority) value &= ~SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
  if (!apicvActive) value &= ~APICV_SECONDARY;
  if (!pauseLoopExiting(parameters)) value &= ~SECONDARY_EXEC_PAUSE_LOOP_EXITING;
  return value >>> 0;
}

/** In v1 the value passes through a 32-bit local, which costs it bits 63:32 (no control is defined there yet). */
export function tertiaryControls({ config, parameters, behaviour }: HardwareSetup, apicvActive: boolean): bigint {
  const value = parameters.enableIpiv && apicvActive ? config.tertiary : config.tertiary & ~IPIV_TERTIARY;
  return BigInt.asUintN(behaviour.tertiaryLocalBits, value);
}

/** Loading EFER is switched on when guest and host values differ. */
export function exitControls({ config }: HardwareSetup): number {
  return (config.exit & ~VM_EXIT_LOAD_IA32_EFER) >>> 0;
}

/** Loading EFER and IA-32e mode follow the guest's EFER. */
export function entryControls({ config }: HardwareSetup): number {
  return (config.entry & ~(VM_ENTRY_LOAD_IA32_EFER | VM_ENTRY_IA32E_MODE)) >>> 0;
}

/** PAUSE-loop exiting is used: ple_gap is not 0 and the VM keeps its PAUSE exits. */
export function pauseLoopExiting(parameters: HardwareSetup['parameters']): boolean {
  return parameters.pleGap !== 0 && !parameters.disableExits.pause;
}
