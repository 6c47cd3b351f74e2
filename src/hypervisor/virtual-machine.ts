/**
 * What the vCPUs of one VM share: `struct kvm` and `struct kvm_vmx`.
 */
import type { ApicvInhibits } from './apicv-inhibit.js';
import type { GuestFeatures } from './guest-features.js';
import type { KernelDevices } from './kernel-devices.js';
import type { KvmBehaviour, KvmParameters } from './kvm-parameters.js';
import type { Mmu } from './mmu.js';
import type { PidPointerTable } from './pid-pointer-table.js';
import type { UserSpace } from './user-space.js';
import type { Vcpu } from './vcpu.js';

export interface VirtualMachine {
  /** As they came out of hardware set-up. */
  readonly parameters: KvmParameters;
  readonly behaviour: KvmBehaviour;
  readonly userSpace: UserSpace;
  readonly mmu: Mmu;
  readonly inhibits: ApicvInhibits;
  /** By vCPU ID order of creation. */
  readonly vcpus: Vcpu[];
  /** Host-physical address of the APIC-access page, shared by all vCPUs; -1 without. */
  readonly apicAccessPage: number;
  pidPointerTable: PidPointerTable | null;
  /** Virtual APIC timers run on the VMX preemption timer while their vCPU does (kvm_can_use_hv_timer). */
  readonly usesPreemptionTimer: boolean;
  /** What user space has chosen to show the guest (KVM_SET_CPUID2). */
  readonly guestFeatures: GuestFeatures;
  /** Devices that KVM emulates itself, and ioeventfds; null without. */
  readonly kernelDevices: KernelDevices | null;
  /** Physical CPU whose timer the devices' next event waits for, or -1. */
  deviceTimerCpu: number;
  /** TSC frequency, GHz: converts nanoseconds. */
  readonly tscGHz: number;
}
