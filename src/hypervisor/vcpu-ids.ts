/**
 * Which vCPU IDs a VM may have: KVM_CAP_MAX_VCPU_ID (kvm_vm_ioctl_enable_cap, x86.c) and the checks of
 * kvm_vm_ioctl_create_vcpu and kvm_arch_vcpu_precreate.
 */
import { EEXIST, EINVAL } from './errno.js';
import type { KvmBehaviour } from './kvm-parameters.js';

export class VcpuIds {
  readonly #behaviour: KvmBehaviour;
  readonly #created = new Set<number>();
  /** kvm->arch.max_vcpu_ids; 0 until set by the capability or by the first vCPU. */
  #max = 0;

  constructor(behaviour: KvmBehaviour) {
    this.#behaviour = behaviour;
  }

  /** Number of possible IDs: what the PID-pointer table is sized for. */
  get max(): number {
    return this.#max === 0 ? this.#behaviour.maxVcpuIds : this.#max;
  }

  /**
   * KVM_ENABLE_CAP(KVM_CAP_MAX_VCPU_ID). 0, or -EINVAL: above the version's limit, already different (the first vCPU
   * fixes it as well), or a version without the capability.
   */
  enableMaxVcpuId(count: number): number {
    if (!this.#behaviour.maxVcpuIdSettable || count > this.#behaviour.maxVcpuIds) return -EINVAL;
    if (this.#max === count) return 0;
    if (this.#max !== 0) return -EINVAL;
    this.#max = count;
    return 0;
  }

  /** KVM_CREATE_VCPU: 0, -EINVAL for an ID or a count beyond the limits, -EEXIST for an ID in use. */
  create(id: number): number {
    if (id >= this.#behaviour.maxVcpuIds || this.#created.size >= this.#behaviour.maxVcpus) return -EINVAL;
    if (this.#behaviour.maxVcpuIdSettable) {
      this.#max = this.max;
      if (id >= this.#max) return -EINVAL;
    }
    if (this.#created.has(id)) return -EEXIST;
    this.#created.add(id);
    return 0;
  }
}
