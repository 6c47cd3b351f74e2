/**
 * KVM on Hyper-V with the enlightened VMCS, which has no fields for some features: evmcs_sanitize_exec_ctrls
 * (evmcs.c; hyperv_evmcs.h and vmx_onhyperv.c in later versions). Up to 6.2 a list of unsupported controls is taken
 * away in silence; from 6.3 a list of supported ones is kept, and each word with others is warned about once.
 *
 * Left out: the enlightened VMCS itself and its clean fields.
 */
import {
  CPU_BASED_ACTIVATE_TERTIARY_CONTROLS,
  PIN_BASED_POSTED_INTR,
  PIN_BASED_VMX_PREEMPTION_TIMER,
  SECONDARY_EXEC_APIC_REGISTER_VIRT,
  SECONDARY_EXEC_ENABLE_PML,
  SECONDARY_EXEC_ENABLE_VMFUNC,
  SECONDARY_EXEC_PAUSE_LOOP_EXITING,
  SECONDARY_EXEC_SHADOW_VMCS,
  SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES,
  SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY,
} from '../hardware/vmx/controls.js';
import type { KvmBehaviour } from './kvm-parameters.js';
import type { VmcsConfig } from './vmcs-config.js';

const UNSUPPORTED_PIN = PIN_BASED_POSTED_INTR | PIN_BASED_VMX_PREEMPTION_TIMER;
const UNSUPPORTED_PRIMARY = CPU_BASED_ACTIVATE_TERTIARY_CONTROLS;
const UNSUPPORTED_SECONDARY =
  SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY |
  SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES |
  SECONDARY_EXEC_APIC_REGISTER_VIRT |
  SECONDARY_EXEC_ENABLE_PML |
  SECONDARY_EXEC_PAUSE_LOOP_EXITING |
  SECONDARY_EXEC_ENABLE_VMFUNC |
  SECONDARY_EXEC_SHADOW_VMCS;

/** The configuration without what the enlightened VMCS lacks. `warnings` receives lines for the kernel log. */
export function sanitizeForEvmcs(config: VmcsConfig, behaviour: KvmBehaviour, warnings: string[]): VmcsConfig {
  const warn = behaviour.evmcsFilter === 'whitelist';
  const keep = (field: string, value: number, unsupported: number): number => {
    const dropped = (value & unsupported) >>> 0;
    if (warn && dropped !== 0) warnings.push(field + ' unsupported with eVMCS: 0x' + dropped.toString(16));
    return (value & ~unsupported) >>> 0;
  };
  const primary = keep('cpu_based_exec_ctrl', config.primary, UNSUPPORTED_PRIMARY);
  const pin = keep('pin_based_exec_ctrl', config.pin, UNSUPPORTED_PIN);
  const secondary = keep('cpu_based_2nd_exec_ctrl', config.secondary, UNSUPPORTED_SECONDARY);
  if (warn && config.tertiary !== 0n) {
    warnings.push('cpu_based_3rd_exec_ctrl unsupported with eVMCS: 0x' + config.tertiary.toString(16));
  }
  return { ...config, primary, pin, secondary, tertiary: 0n };
}
