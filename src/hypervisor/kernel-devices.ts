/**
 * What KVM answers without going to user space: the devices of its in-kernel interrupt chip (PIC, PIT, ELCR, I/O APIC)
 * and ioeventfds (kvm_io_bus_read, kvm_io_bus_write, kvm_main.c; ioeventfd_in_range, eventfd.c). The state of the devices is
 * the board's; `machine` plugs it in.
 */

/** Where a device or an ioeventfd sits. */
export type IoBus = 'port' | 'memory';

export interface KernelDevices {
  /** The address belongs to an in-kernel device. */
  claims(bus: IoBus, address: number): boolean;
  /** Reads of claimed addresses; `size` is 1, 2 or 4. */
  read(vcpu: number, bus: IoBus, address: number, size: number): number;
  write(vcpu: number, bus: IoBus, address: number, size: number, value: number): void;
  /** An ioeventfd sits at the address, whatever it matches. */
  listens(bus: IoBus, address: number): boolean;
  /** It takes this write: by length, and by data unless it is a wildcard. */
  matches(bus: IoBus, address: number, size: number, value: number): boolean;
  /** It takes writes of any length, undecoded (KVM_FAST_MMIO_BUS). */
  isFast(guestPhysical: number): boolean;
}
