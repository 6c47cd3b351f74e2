/**
 * The PID-pointer table of a VM, which IPI virtualization finds through VMCS fields 2042H (address) and 0008H (last
 * index): vmx_alloc_ipiv_pid_table and vmx_vcpu_create of Linux 5.19, vmx_vm_init and init_vmcs of the v1 posting.
 * Entry format: SDM, IPI virtualization.
 */
import type { PhysicalMemory } from '../hardware/memory/physical-memory.js';
import { pageOrder, type HostMemory } from './host-memory.js';
import type { KvmBehaviour } from './kvm-parameters.js';

const ENTRY_BYTES = 8;
/** Bit 0 of an entry: the descriptor address in the rest is valid. */
export const PID_TABLE_ENTRY_VALID = 1;

export class PidPointerTable {
  readonly #memory: PhysicalMemory;
  /** Host-physical address, page-aligned. */
  readonly address: number;
  /** The table takes 2^order pages. */
  readonly order: number;
  /** Inclusive: what VMCS field 0008H holds. */
  readonly lastIndex: number;

  /** Allocates a zeroed table for `maxVcpuIds` vCPU IDs. Throws RangeError when the host has no memory (-ENOMEM). */
  constructor(memory: PhysicalMemory, host: HostMemory, behaviour: KvmBehaviour, maxVcpuIds: number) {
    this.#memory = memory;
    this.order = pageOrder(maxVcpuIds * ENTRY_BYTES);
    this.address = host.allocatePages(this.order);
    this.lastIndex = behaviour.lastPidPointerIndex === 'max-ids' ? maxVcpuIds : maxVcpuIds - 1;
  }

  /** Makes IPIs to APIC ID `vcpuId` go to the posted-interrupt descriptor at host-physical `descriptor`. */
  install(vcpuId: number, descriptor: number): void {
    if (vcpuId > this.lastIndex) throw new RangeError('vCPU ID beyond the last PID-pointer index');
    if (descriptor % 64 !== 0) throw new RangeError('posted-interrupt descriptors are 64-byte aligned');
    this.#memory.writeNumber(this.#entry(vcpuId), descriptor + PID_TABLE_ENTRY_VALID);
  }

  /** The 64-bit entry of a vCPU ID; 0 = none. */
  entry(vcpuId: number): number {
    return this.#memory.readNumber(this.#entry(vcpuId));
  }

  #entry(vcpuId: number): number {
    return this.address + vcpuId * ENTRY_BYTES;
  }
}
