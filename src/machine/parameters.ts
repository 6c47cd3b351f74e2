import { kvmParameters, type DisabledExits, type KvmParameters } from '../hypervisor/kvm-parameters.js';
import type { MachineOptions } from './machine-options.js';

/** What kvm and kvm_intel are loaded with on a machine, and which exits its VM does without. */
export function parametersOf(
  { kvm, ipiv, host, cpu }: Pick<MachineOptions, 'kvm' | 'ipiv' | 'host' | 'cpu'>,
  disableExits: DisabledExits,
): KvmParameters {
  return kvmParameters({
    version: kvm.version,
    enableApicv: kvm.enableApicv,
    enableIpiv: ipiv,
    haltPollNs: kvm.haltPollNs,
    pleGap: kvm.pleGap,
    pleWindow: kvm.pleWindow,
    maxVcpuIds: kvm.maxVcpuIds,
    uintr: cpu.uintr,
    mitigations: host.mitigations,
    disableExits,
  });
}
