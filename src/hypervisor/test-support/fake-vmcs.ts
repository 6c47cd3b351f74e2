import { VmxCapabilities, type VmxFeatures } from '../../hardware/vmx/capability.js';
import { VMX_FAIL_VALID, VMX_SUCCEED, type VmxResult } from '../../hardware/vmx/vmx-unit.js';
import type { VmcsAccess } from '../control-shadow.js';
import { setUpHardware, type HardwareSetup } from '../hardware-setup.js';
import { kvmParameters, type KvmParameters } from '../kvm-parameters.js';
import type { Capability } from '../vmcs-config.js';

/** A current VMCS without a processor: remembers fields and the order of writes. */
export class FakeVmcs implements VmcsAccess {
  readonly #fields = new Map<number, bigint>();
  readonly #supports: (field: number) => boolean;
  readonly written: number[] = [];

  constructor(supports: (field: number) => boolean = () => true) {
    this.#supports = supports;
  }

  vmread(field: number): number {
    return Number(this.vmread64(field));
  }

  vmread64(field: number): bigint {
    return this.#fields.get(field) ?? 0n;
  }

  vmwrite(field: number, value: number): VmxResult {
    return this.vmwrite64(field, BigInt(value));
  }

  vmwrite64(field: number, value: bigint): VmxResult {
    if (!this.#supports(field)) return VMX_FAIL_VALID;
    this.#fields.set(field, BigInt.asUintN(64, value));
    this.written.push(field);
    return VMX_SUCCEED;
  }
}

/** Reads the capability MSRs of a processor with everything, unless told otherwise. */
export function capability(features: Partial<VmxFeatures> = {}): Capability {
  const capabilities = new VmxCapabilities({ ipiv: true, apicv: true, ...features });
  return (msr) => capabilities.read(msr);
}

/** kvm_intel loaded on such a processor. */
export function setUp(parameters: Partial<KvmParameters> = {}, features: Partial<VmxFeatures> = {}): HardwareSetup {
  const setup = setUpHardware(capability(features), kvmParameters(parameters));
  if (typeof setup === 'number') throw new Error('kvm_intel does not load: ' + String(setup));
  return setup;
}
