/**
 * What KVM answers without going to user space: the devices of its in-kernel interrupt chip (PIC, PIT, ELCR, I/O APIC)
 * and ioeventfds (kvm_io_bus_read, kvm_io_bus_write, kvm_main.c; ioeventfd_in_range, eventfd.c). The state of the devices is
 * the board's; `machine` plugs it in. Every call is an act: the vCPU that makes it is next in order.
 */
import type { ApicMessage } from '../hardware/apic/message.js';

/** Where a device or an ioeventfd sits. */
export type IoBus = 'port' | 'memory';

/** What a device asks of the vCPUs. */
export type RaisedInterrupt =
  /** The I/O APIC sends an interrupt to local APICs. */
  | ApicMessage
  /** User space has driven an interrupt line (KVM_IRQ_LINE); what follows from it comes behind. */
  | 'irq-line'
  /** The PIC's INTR output has risen. */
  | 'pic-output'
  /** The I/O APIC's redirection table has changed. */
  | 'redirection'
  /** The PIT has interrupted. */
  | 'timer-tick';

/** An entry of the I/O APIC's redirection table whose EOI KVM must hear of. */
export interface EoiRoute {
  readonly vector: number;
  readonly logical: boolean;
  /** 8 bits. */
  readonly destination: number;
}

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

  // ---- Interrupts

  /** Moves what has been raised since the last call to the end of `to`, in order. */
  takeRaised(to: RaisedInterrupt[]): void;
  /** Level of the PIC's INTR output. */
  readonly picOutput: boolean;
  /** kvm_pic_read_irq: the interrupt-acknowledge cycle; returns the vector. */
  acknowledgePic(vcpu: number): number;
  /** kvm_ioapic_update_eoi: an interrupt is over; `level` = it was level-triggered. */
  endOfInterrupt(vcpu: number, vector: number, level: boolean): void;
  /** kvm_ioapic_scan_entry: the entries of the I/O APIC that are level-triggered or that KVM watches. */
  eoiRoutes(): readonly EoiRoute[];
  /** When a timer expires, in TSC cycles, or Infinity. */
  readonly nextEventAt: number;
  /** That time has come. */
  runEvents(vcpu: number): void;
  /** A tick of the PIT that the guest has missed is queued for the worker (kthread_queue_work). */
  readonly hasTimerWork: boolean;
  /** pit_do_work for such a tick. */
  runTimerWork(vcpu: number): void;
}
