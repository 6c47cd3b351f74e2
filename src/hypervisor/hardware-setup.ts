/**
 * Loading kvm_intel: the configuration of this processor, and which parameters survive it. Follows hardware_setup
 * (vmx.c); in v1 part of it happens in setup_vmcs_config.
 */
import { SECONDARY_EXEC_PAUSE_LOOP_EXITING, TERTIARY_EXEC_IPI_VIRT } from '../hardware/vmx/controls.js';
import { sanitizeForEvmcs } from './evmcs.js';
import { KVM_BEHAVIOUR, type KvmBehaviour, type KvmParameters } from './kvm-parameters.js';
import {
  hasApicv,
  hasFlexpriority,
  hasIpiv,
  setUpVmcsConfig,
  type Capability,
  type VmcsConfig,
} from './vmcs-config.js';

/** kvm_intel after loading: configuration, and the parameters as they stand in /sys/module/kvm_intel/parameters. */
export interface HardwareSetup {
  readonly config: VmcsConfig;
  /** enableApicv, enableIpiv, flexpriority and pleGap fall off where the processor does not support them. */
  readonly parameters: KvmParameters;
  readonly behaviour: KvmBehaviour;
  /** Lines for the kernel log, without prefix. */
  readonly warnings: readonly string[];
}

/** hardware_setup: what the module makes of the processor and of its parameters, or -EIO. */
export function setUpHardware(capability: Capability, asked: KvmParameters): HardwareSetup | number {
  const behaviour = KVM_BEHAVIOUR[asked.version];
  const warnings: string[] = [];
  const supported = setUpVmcsConfig(capability, asked);
  if (typeof supported === 'number') return supported;
  const config = asked.evmcs ? sanitizeForEvmcs(supported, behaviour, warnings) : supported;

  const enableApicv = asked.enableApicv && hasApicv(config);
  const enableIpiv = asked.enableIpiv && enableApicv && hasIpiv(config);
  const parameters = {
    ...asked,
    enableApicv,
    enableIpiv,
    flexpriority: asked.flexpriority && hasFlexpriority(config),
    pleGap: (config.secondary & SECONDARY_EXEC_PAUSE_LOOP_EXITING) === 0 ? 0 : asked.pleGap,
  };
  return { config: stripIpiv(config, behaviour, enableIpiv), parameters, behaviour, warnings };
}

/** v1 takes the bit out of the configuration when IPI virtualization is off; later versions clear it at use time. */
function stripIpiv(config: VmcsConfig, behaviour: KvmBehaviour, enableIpiv: boolean): VmcsConfig {
  if (enableIpiv || behaviour.tertiaryRequest === 'always') return config;
  return { ...config, tertiary: config.tertiary & ~BigInt(TERTIARY_EXEC_IPI_VIRT) };
}
