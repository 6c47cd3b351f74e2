/**
 * One virtual machine and the hypervisor under it: `struct kvm`, `struct kvm_vmx` and the module state of kvm_intel.
 * Owns the vCPUs, guest memory, the APIC map and the PID-pointer table, and runs host code on the physical CPUs.
 */
import type { Clock } from '../hardware/clock/clock.js';
import type { Cpu } from '../hardware/cpu/cpu.js';
import type { RootSoftware, RootState } from '../hardware/cpu/root-software.js';
import { ROOT_STOPPED } from '../hardware/cpu/root-software.js';
import type { PhysicalMemory } from '../hardware/memory/physical-memory.js';
import type { UserSpace } from './user-space.js';
import type { Vcpu } from './vcpu.js';

/** A range of host-physical memory, bytes; 4-KiB aligned. */
export interface HostRange {
  readonly start: number;
  readonly end: number;
}

export interface KvmOptions {
  readonly cpus: readonly Cpu[];
  readonly memory: PhysicalMemory;
  readonly clock: Clock;
  readonly userSpace: UserSpace;
  /** What the hypervisor may allocate from: VMCSs, bitmaps, tables, descriptors and the guest's memory. */
  readonly hostMemory: HostRange;
  readonly guestMemoryBytes: number;
}

export class Kvm implements RootSoftware {
  readonly vcpus: Vcpu[] = [];

  constructor(options: KvmOptions) {
    void options;
  }

  resume(cpu: Cpu): RootState {
    void cpu;
    return ROOT_STOPPED;
  }
}
