/**
 * Which of the board's devices KVM runs in the kernel (KVM_CREATE_IRQCHIP, KVM_CREATE_PIT2 without the speaker port, as
 * QEMU asks for them). Accesses to all others leave to user space.
 */
import { IO_APIC_BASE, IO_APIC_SIZE } from './io-apic.js';

/** I/O ports [first, last] of the devices on KVM's port bus. */
export const KERNEL_PORTS: readonly (readonly [first: number, last: number, device: string])[] = [
  [0x20, 0x21, 'PIC master'],
  [0x40, 0x43, 'PIT'],
  [0xa0, 0xa1, 'PIC slave'],
  [0x4d0, 0x4d1, 'ELCR'],
];

/** Whether KVM completes an access to this port itself. */
export function isKernelPort(port: number): boolean {
  return KERNEL_PORTS.some(([first, last]) => port >= first && port <= last);
}

/** Whether KVM completes an access to this guest-physical address itself. The local APIC is not the board's. */
export function isKernelMemory(guestPhysical: number): boolean {
  return guestPhysical >= IO_APIC_BASE && guestPhysical < IO_APIC_BASE + IO_APIC_SIZE;
}
