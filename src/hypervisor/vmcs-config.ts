/**
 * Which VMX controls this processor lets KVM use: setup_vmcs_config (vmx.c), with the form of the v1 posting beside the
 * merged one.
 *
 * Left out: Intel PT, perf global control, preemption timer, page-modification logging, nested virtualization.
 */
import {
  MSR_IA32_VMX_BASIC,
  MSR_IA32_VMX_ENTRY_CTLS,
  MSR_IA32_VMX_EXIT_CTLS,
  MSR_IA32_VMX_PINBASED_CTLS,
  MSR_IA32_VMX_PROCBASED_CTLS,
  MSR_IA32_VMX_PROCBASED_CTLS2,
  MSR_IA32_VMX_PROCBASED_CTLS3,
} from '../hardware/vmx/capability.js';
import {
  CPU_BASED_ACTIVATE_SECONDARY_CONTROLS,
  CPU_BASED_ACTIVATE_TERTIARY_CONTROLS,
  CPU_BASED_CR3_LOAD_EXITING,
  CPU_BASED_CR3_STORE_EXITING,
  CPU_BASED_CR8_LOAD_EXITING,
  CPU_BASED_CR8_STORE_EXITING,
  CPU_BASED_HLT_EXITING,
  CPU_BASED_INTR_WINDOW_EXITING,
  CPU_BASED_INVLPG_EXITING,
  CPU_BASED_MONITOR_EXITING,
  CPU_BASED_MOV_DR_EXITING,
  CPU_BASED_MWAIT_EXITING,
  CPU_BASED_NMI_WINDOW_EXITING,
  CPU_BASED_RDPMC_EXITING,
  CPU_BASED_TPR_SHADOW,
  CPU_BASED_UNCOND_IO_EXITING,
  CPU_BASED_USE_MSR_BITMAPS,
  CPU_BASED_USE_TSC_OFFSETTING,
  PIN_BASED_EXT_INTR_MASK,
  PIN_BASED_NMI_EXITING,
  PIN_BASED_POSTED_INTR,
  PIN_BASED_VIRTUAL_NMIS,
  SECONDARY_EXEC_APIC_REGISTER_VIRT,
  SECONDARY_EXEC_ENABLE_EPT,
  SECONDARY_EXEC_ENABLE_INVPCID,
  SECONDARY_EXEC_ENABLE_RDTSCP,
  SECONDARY_EXEC_ENABLE_VPID,
  SECONDARY_EXEC_PAUSE_LOOP_EXITING,
  SECONDARY_EXEC_UNRESTRICTED_GUEST,
  SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES,
  SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE,
  SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY,
  SECONDARY_EXEC_WBINVD_EXITING,
  TERTIARY_EXEC_IPI_VIRT,
  VM_ENTRY_IA32E_MODE,
  VM_ENTRY_LOAD_DEBUG_CONTROLS,
  VM_ENTRY_LOAD_IA32_EFER,
  VM_ENTRY_LOAD_IA32_PAT,
  VM_ENTRY_LOAD_UINV,
  VM_EXIT_ACK_INTR_ON_EXIT,
  VM_EXIT_CLEAR_UINV,
  VM_EXIT_HOST_ADDR_SPACE_SIZE,
  VM_EXIT_LOAD_IA32_EFER,
  VM_EXIT_LOAD_IA32_PAT,
  VM_EXIT_SAVE_DEBUG_CONTROLS,
} from '../hardware/vmx/controls.js';
import { EIO } from './errno.js';
import { KVM_BEHAVIOUR, type KvmParameters } from './kvm-parameters.js';

/** Value of a VMX capability MSR, or null where reading it is #GP. */
export type Capability = (msr: number) => bigint | null;

/** The controls that vCPUs start from (struct vmcs_config). */
export interface VmcsConfig {
  readonly revision: number;
  readonly pin: number;
  readonly primary: number;
  readonly secondary: number;
  readonly tertiary: bigint;
  readonly exit: number;
  readonly entry: number;
}

const REQUIRED_PIN = PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING;
const OPTIONAL_PIN = PIN_BASED_VIRTUAL_NMIS | PIN_BASED_POSTED_INTR;

const REQUIRED_PRIMARY =
  CPU_BASED_HLT_EXITING |
  CPU_BASED_CR8_LOAD_EXITING |
  CPU_BASED_CR8_STORE_EXITING |
  CPU_BASED_CR3_LOAD_EXITING |
  CPU_BASED_CR3_STORE_EXITING |
  CPU_BASED_UNCOND_IO_EXITING |
  CPU_BASED_MOV_DR_EXITING |
  CPU_BASED_USE_TSC_OFFSETTING |
  CPU_BASED_MWAIT_EXITING |
  CPU_BASED_MONITOR_EXITING |
  CPU_BASED_INVLPG_EXITING |
  CPU_BASED_RDPMC_EXITING |
  CPU_BASED_INTR_WINDOW_EXITING;
const OPTIONAL_PRIMARY =
  CPU_BASED_TPR_SHADOW |
  CPU_BASED_USE_MSR_BITMAPS |
  CPU_BASED_NMI_WINDOW_EXITING |
  CPU_BASED_ACTIVATE_SECONDARY_CONTROLS |
  CPU_BASED_ACTIVATE_TERTIARY_CONTROLS;

const OPTIONAL_SECONDARY =
  SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES |
  SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE |
  SECONDARY_EXEC_WBINVD_EXITING |
  SECONDARY_EXEC_ENABLE_VPID |
  SECONDARY_EXEC_ENABLE_EPT |
  SECONDARY_EXEC_UNRESTRICTED_GUEST |
  SECONDARY_EXEC_PAUSE_LOOP_EXITING |
  SECONDARY_EXEC_ENABLE_RDTSCP |
  SECONDARY_EXEC_ENABLE_INVPCID |
  SECONDARY_EXEC_APIC_REGISTER_VIRT |
  SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;

const REQUIRED_EXIT = VM_EXIT_SAVE_DEBUG_CONTROLS | VM_EXIT_ACK_INTR_ON_EXIT | VM_EXIT_HOST_ADDR_SPACE_SIZE;
const OPTIONAL_EXIT = VM_EXIT_LOAD_IA32_PAT | VM_EXIT_LOAD_IA32_EFER;
const REQUIRED_ENTRY = VM_ENTRY_LOAD_DEBUG_CONTROLS | VM_ENTRY_IA32E_MODE;
const OPTIONAL_ENTRY = VM_ENTRY_LOAD_IA32_PAT | VM_ENTRY_LOAD_IA32_EFER;

/** Controls that need the TPR shadow; hardware would refuse them without it. */
const NEED_TPR_SHADOW =
  SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;

/**
 * adjust_vmx_controls: required and optional bits under a capability MSR in allowed-0 (low) / allowed-1 (high) form, or
 * -EIO when a required bit does not survive.
 */
export function adjustControls(required: number, optional: number, capability: bigint): number {
  const allowed0 = Number(capability & 0xffff_ffffn);
  const allowed1 = Number(capability >> 32n);
  const value = ((required | optional) & allowed1) | allowed0;
  return (required & ~value) === 0 ? value >>> 0 : -EIO;
}

/**
 * adjust_vmx_controls_64 as posted in v1: minimum and optional bits under a 64-bit allowed-1 mask (MSR 492H has no
 * allowed-0 half), null where the kernel answers -EIO. The merged form is the same with a minimum of 0: it cannot fail.
 */
export function adjustControls64(minimum: bigint, optional: bigint, allowed1: bigint): bigint | null {
  const value = (minimum | optional) & allowed1;
  return (minimum & ~value) === 0n ? value : null;
}

/** setup_vmcs_config: the configuration, or -EIO when the processor lacks a required control. */
export function setUpVmcsConfig(capability: Capability, parameters: KvmParameters): VmcsConfig | number {
  const read = (msr: number): bigint => capability(msr) ?? 0n;
  const primary = adjustControls(REQUIRED_PRIMARY, OPTIONAL_PRIMARY, read(MSR_IA32_VMX_PROCBASED_CTLS));
  const pin = adjustControls(REQUIRED_PIN, OPTIONAL_PIN, read(MSR_IA32_VMX_PINBASED_CTLS));
  const [clearUinv, loadUinv] = parameters.uintr ? [VM_EXIT_CLEAR_UINV, VM_ENTRY_LOAD_UINV] : [0, 0];
  const exit = adjustControls(REQUIRED_EXIT, OPTIONAL_EXIT | clearUinv, read(MSR_IA32_VMX_EXIT_CTLS));
  const entry = adjustControls(REQUIRED_ENTRY, OPTIONAL_ENTRY | loadUinv, read(MSR_IA32_VMX_ENTRY_CTLS));
  if (primary < 0 || pin < 0 || exit < 0 || entry < 0) return -EIO;

  const secondary = secondaryControls(primary, read);
  const tertiary = tertiaryControls(primary, parameters, read);
  return {
    revision: Number(read(MSR_IA32_VMX_BASIC) & 0x7fff_ffffn),
    pin: (secondary & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY) === 0 ? (pin & ~PIN_BASED_POSTED_INTR) >>> 0 : pin,
    primary: withoutNeedlessExits(primary, secondary),
    secondary,
    tertiary,
    exit,
    entry,
  };
}

function secondaryControls(primary: number, read: (msr: number) => bigint): number {
  if ((primary & CPU_BASED_ACTIVATE_SECONDARY_CONTROLS) === 0) return 0;
  const secondary = adjustControls(0, OPTIONAL_SECONDARY, read(MSR_IA32_VMX_PROCBASED_CTLS2));
  return ((primary & CPU_BASED_TPR_SHADOW) === 0 ? secondary & ~NEED_TPR_SHADOW : secondary) >>> 0;
}

function tertiaryControls(primary: number, parameters: KvmParameters, read: (msr: number) => bigint): bigint {
  if ((primary & CPU_BASED_ACTIVATE_TERTIARY_CONTROLS) === 0) return 0n;
  const requested =
    KVM_BEHAVIOUR[parameters.version].tertiaryRequest === 'always' || parameters.enableIpiv
      ? BigInt(TERTIARY_EXEC_IPI_VIRT)
      : 0n;
  return adjustControls64(0n, requested, read(MSR_IA32_VMX_PROCBASED_CTLS3)) ?? 0n;
}

/** CR8 needs no exits with a TPR shadow, CR3 and INVLPG none with EPT. */
function withoutNeedlessExits(primary: number, secondary: number): number {
  let value = primary;
  if ((value & CPU_BASED_TPR_SHADOW) !== 0) value &= ~(CPU_BASED_CR8_LOAD_EXITING | CPU_BASED_CR8_STORE_EXITING);
  if ((secondary & SECONDARY_EXEC_ENABLE_EPT) !== 0) {
    value &= ~(CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING | CPU_BASED_INVLPG_EXITING);
  }
  return value >>> 0;
}

/** vmx_check_processor_compat: 0, or -EIO for a CPU whose configuration differs from the first one's. */
export function checkProcessorCompatibility(first: VmcsConfig, other: VmcsConfig): number {
  const names = Object.keys(first) as (keyof VmcsConfig)[];
  return names.every((name) => first[name] === other[name]) ? 0 : -EIO;
}

/** cpu_has_vmx_apicv */
export function hasApicv(config: VmcsConfig): boolean {
  const needed = SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
  return (
    (config.primary & CPU_BASED_TPR_SHADOW) !== 0 &&
    (config.secondary & needed) === needed &&
    (config.pin & PIN_BASED_POSTED_INTR) !== 0
  );
}

/** cpu_has_vmx_ipiv */
export function hasIpiv(config: VmcsConfig): boolean {
  return (config.tertiary & BigInt(TERTIARY_EXEC_IPI_VIRT)) !== 0n;
}

/** cpu_has_vmx_flexpriority */
export function hasFlexpriority(config: VmcsConfig): boolean {
  return (
    (config.primary & CPU_BASED_TPR_SHADOW) !== 0 && (config.secondary & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES) !== 0
  );
}
