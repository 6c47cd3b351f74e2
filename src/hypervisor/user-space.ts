/**
 * The VMM process as KVM sees it: what an exit to user space (KVM_EXIT_IO, KVM_EXIT_MMIO, KVM_EXIT_SHUTDOWN,
 * KVM_EXIT_FAIL_ENTRY) asks for. `machine` plugs a platform in. Every call happens in simulated order, after the
 * cost of the round trip has been charged.
 */

/** 'stop' ends the machine: the vCPU does not run again. */
export type UserSpaceVerdict = 'continue' | 'stop';

/** Why a vCPU cannot go on. */
export type VcpuFailure =
  /** KVM_EXIT_FAIL_ENTRY: exit reason with bit 31, or the VM-instruction error. */
  | { readonly kind: 'fail-entry'; readonly hardwareReason: number }
  /** KVM_EXIT_SHUTDOWN: triple fault. */
  | { readonly kind: 'shutdown' }
  /** KVM_EXIT_INTERNAL_ERROR: an exit or instruction that the model does not emulate. */
  | { readonly kind: 'internal-error'; readonly message: string };

export interface UserSpace {
  /** `size` bytes (1, 2, 4) of `value` to an I/O port. */
  portWrite(vcpu: number, port: number, size: number, value: number): UserSpaceVerdict;
  portRead(vcpu: number, port: number, size: number): number;
  /** An access to guest-physical memory that no slot backs. `bytes` holds the data, or takes it. */
  mmioWrite(vcpu: number, guestPhysical: number, bytes: Uint8Array): UserSpaceVerdict;
  mmioRead(vcpu: number, guestPhysical: number, bytes: Uint8Array): void;
  /** The vCPU is dead. Its state can still be read. */
  failure(vcpu: number, failure: VcpuFailure): void;
}
