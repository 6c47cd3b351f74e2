/**
 * Accesses of KVM's emulator to what is not memory (vcpu_mmio_read, vcpu_mmio_write, kernel_pio, x86.c): the vCPU's local
 * APIC in xAPIC mode, KVM's in-kernel devices with their ioeventfds, and whatever user space has.
 */
import { STEP } from '../../cost/step.js';
import { PAGE_SIZE } from '../../hardware/memory/physical-memory.js';
import { EXIT_CONTINUES, EXIT_STOPS, type ExitResult } from '../exits/exit-result.js';
import type { HostCpu } from '../host-cpu.js';
import type { IoBus } from '../kernel-devices.js';
import { readApicRegister } from '../lapic/register-read.js';
import { applyApicWrite, writeApicRegister } from '../lapic/register-write.js';

const TWO_32 = 0x1_0000_0000n;

const data = new Uint8Array(8);
const view = new DataView(data.buffer);

/** What an access costs before it takes effect. */
export function chargeAccess(host: HostCpu, bus: IoBus, address: number, size: number, written: bigint | null): void {
  const step = costOf(host, bus, address, size, written);
  if (step !== null) host.cpu.charge(step);
}

function costOf(host: HostCpu, bus: IoBus, address: number, size: number, written: bigint | null): number | null {
  const { kernelDevices } = host.vm;
  if (bus === 'memory' && isApic(host, address)) return null;
  if (kernelDevices?.claims(bus, address) === true) return STEP.KERNEL_PORT_IO;
  if (written !== null && isEventFd(host, bus, address, size, written)) return STEP.EVENTFD_SIGNAL;
  return STEP.USER_SPACE_EXIT;
}

/** The access goes to the vCPU's own APIC. */
export function isApic({ vcpu: { apic } }: HostCpu, guestPhysical: number): boolean {
  return apic.enabled && !apic.x2apic && guestPhysical - (guestPhysical % PAGE_SIZE) === apic.basePage;
}

/** ioeventfd_in_range: an ioeventfd takes this write. */
function isEventFd({ vm }: HostCpu, bus: IoBus, address: number, size: number, value: bigint): boolean {
  return vm.kernelDevices?.matches(bus, address, size, Number(value % TWO_32)) ?? false;
}

/** Reads device memory. An act: the CPU is next in order and has paid. */
export function readDevice(host: HostCpu, guestPhysical: number, size: number): bigint {
  const { vcpu, vm } = host;
  data.fill(0);
  if (isApic(host, guestPhysical)) {
    view.setUint32(0, readApic(host, guestPhysical), true);
  } else if (vm.kernelDevices?.claims('memory', guestPhysical) === true) {
    view.setUint32(0, vm.kernelDevices.read(vcpu.id, 'memory', guestPhysical, Math.min(4, size)), true);
  } else {
    vm.userSpace.mmioRead(vcpu.id, guestPhysical, data.subarray(0, size));
  }
  return BigInt.asUintN(8 * size, view.getBigUint64(0, true));
}

/** Reads 4 bytes of the vCPU's own APIC, as a number without sign. */
export function readApic(host: HostCpu, guestPhysical: number): number {
  const offset = guestPhysical % PAGE_SIZE;
  const register = readApicRegister(host, offset & 0xff0);
  return register < 0 ? 0 : register >>> (8 * (offset & 3));
}

/** Writes 4 bytes of the vCPU's own APIC. apic_mmio_write drops what is not at a multiple of 16. */
export function writeApic(host: HostCpu, guestPhysical: number, value: number): ExitResult {
  const offset = guestPhysical % PAGE_SIZE;
  return offset % 16 === 0 ? applyApicWrite(host, writeApicRegister(host, offset, value)) : EXIT_CONTINUES;
}

/** Writes device memory. apic_mmio_write drops what is not 4 bytes. */
export function writeDevice(host: HostCpu, guestPhysical: number, size: number, value: bigint): ExitResult {
  const { vcpu, vm } = host;
  view.setBigUint64(0, value, true);
  if (isApic(host, guestPhysical)) {
    return size === 4 ? writeApic(host, guestPhysical, view.getUint32(0, true)) : EXIT_CONTINUES;
  }
  if (vm.kernelDevices?.claims('memory', guestPhysical) === true) {
    vm.kernelDevices.write(vcpu.id, 'memory', guestPhysical, Math.min(4, size), view.getUint32(0, true));
    return EXIT_CONTINUES;
  }
  if (isEventFd(host, 'memory', guestPhysical, size, value)) return EXIT_CONTINUES;
  const verdict = vm.userSpace.mmioWrite(vcpu.id, guestPhysical, data.subarray(0, size));
  return verdict === 'stop' ? EXIT_STOPS : EXIT_CONTINUES;
}

/** Reads a port for INS. */
export function readPort({ vcpu, vm }: HostCpu, port: number, size: number): number {
  const { kernelDevices } = vm;
  if (kernelDevices?.claims('port', port) === true) return kernelDevices.read(vcpu.id, 'port', port, size);
  return vm.userSpace.portRead(vcpu.id, port, size);
}

/** Writes a port for OUTS. */
export function writePort(host: HostCpu, port: number, size: number, value: number): ExitResult {
  const { vcpu, vm } = host;
  if (vm.kernelDevices?.claims('port', port) === true) {
    vm.kernelDevices.write(vcpu.id, 'port', port, size, value);
    return EXIT_CONTINUES;
  }
  if (isEventFd(host, 'port', port, size, BigInt(value))) return EXIT_CONTINUES;
  return vm.userSpace.portWrite(vcpu.id, port, size, value) === 'stop' ? EXIT_STOPS : EXIT_CONTINUES;
}
