/**
 * S19: emulation of an instruction that touched a device page (x86_emulate_instruction, emulate.c, and the MMIO dispatch
 * of vcpu_mmio_read and vcpu_mmio_write): fetch, decode, access, write back, skip. Devices are the vCPU's local APIC in
 * xAPIC mode, KVM's in-kernel ones with their ioeventfds, and whatever user space has.
 */
import { STEP } from '../cost/step.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import { EXIT_CONTINUES, EXIT_STOPS, EXIT_WAITS, type ExitResult } from './exits/exit-result.js';
import { failInternally } from './exits/failure.js';
import { skipInstruction } from './exits/skip.js';
import { collectRaised } from './interrupt-chip.js';
import type { KernelDevices } from './kernel-devices.js';
import { fetchInstruction, GUEST_WAITS } from './guest-linear.js';
import type { HostCpu } from './host-cpu.js';
import { readApicRegister } from './lapic/register-read.js';
import { applyApicWrite, writeApicRegister } from './lapic/register-write.js';
import { decodeMov, type MovAccess } from './mov-decoder.js';

const PAGE = 4096;
const LONGEST_INSTRUCTION = 15;
const PHASE_KERNEL = 1;
const PHASE_USER_SPACE = 2;

const bytes = new Uint8Array(LONGEST_INSTRUCTION);
const data = new Uint8Array(8);
const view = new DataView(data.buffer);
const access: MovAccess = {
  write: false,
  size: 0,
  register: 0,
  highByte: false,
  immediate: 0,
  registerSize: 0,
  signExtend: false,
  length: 0,
};

/** Emulates the instruction at the guest's RIP, whose memory operand is at `guestPhysical`. */
export function emulateMmio(host: HostCpu, guestPhysical: number): ExitResult {
  const { cpu, vcpu, vm } = host;
  if (cpu.begin()) cpu.charge(STEP.INSTRUCTION_EMULATION);
  const rip = cpu.vmx.vmread(VMCS_FIELD.GUEST_RIP);
  bytes.fill(0);
  const fetched = fetchInstruction(host, rip, bytes);
  if (fetched === GUEST_WAITS || cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  if (fetched < 0 || !decodeMov(bytes, access)) {
    return failInternally(host, `cannot emulate the instruction at ${rip.toString(16)}H (${hex(bytes)})`);
  }
  const isApic =
    vcpu.apic.enabled && !vcpu.apic.x2apic && Math.floor(guestPhysical / PAGE) * PAGE === vcpu.apic.basePage;
  if (isApic) return accessApic(host, guestPhysical % PAGE);
  const { kernelDevices } = vm;
  if (kernelDevices?.claims('memory', guestPhysical) === true) return accessKernel(host, kernelDevices, guestPhysical);
  if (host.phase === 0 && signalEventFd(host, kernelDevices, guestPhysical)) return EXIT_CONTINUES;
  return accessUserSpace(host, guestPhysical);
}

/** apic_mmio_read and apic_mmio_write: writes that are not 4 bytes at a multiple of 16 are dropped. */
function accessApic(host: HostCpu, offset: number): ExitResult {
  data.fill(0);
  if (!access.write) {
    const register = readApicRegister(host, offset & 0xff0);
    view.setUint32(0, register < 0 ? 0 : register >>> (8 * (offset & 3)), true);
    finishRead(host);
    return EXIT_CONTINUES;
  }
  loadData(host);
  const { size } = access;
  skipInstruction(host, access.length);
  if (size !== 4 || offset % 16 !== 0) return EXIT_CONTINUES;
  return applyApicWrite(host, writeApicRegister(host, offset, view.getUint32(0, true)));
}

/** A device of the in-kernel interrupt chip. */
function accessKernel(host: HostCpu, devices: KernelDevices, guestPhysical: number): ExitResult {
  const { cpu, vcpu } = host;
  if (host.phase < PHASE_KERNEL) {
    host.phase = PHASE_KERNEL;
    cpu.charge(STEP.KERNEL_PORT_IO);
    return EXIT_WAITS;
  }
  data.fill(0);
  if (!access.write) {
    view.setUint32(0, devices.read(vcpu.id, 'memory', guestPhysical, access.size), true);
    finishRead(host);
    return collectRaised(host);
  }
  loadData(host);
  devices.write(vcpu.id, 'memory', guestPhysical, access.size, view.getUint32(0, true));
  skipInstruction(host, access.length);
  return collectRaised(host);
}

/** ioeventfd_write: true when an ioeventfd has taken the write. */
function signalEventFd(host: HostCpu, devices: KernelDevices | null, guestPhysical: number): boolean {
  if (devices === null || !access.write || !devices.listens('memory', guestPhysical)) return false;
  loadData(host);
  const { size } = access;
  const value = size >= 4 ? view.getUint32(0, true) : view.getUint32(0, true) & (2 ** (8 * size) - 1);
  if (!devices.matches('memory', guestPhysical, size, value)) return false;
  host.cpu.charge(STEP.EVENTFD_SIGNAL);
  skipInstruction(host, access.length);
  return true;
}

function accessUserSpace(host: HostCpu, guestPhysical: number): ExitResult {
  const { cpu, vcpu, vm } = host;
  if (host.phase < PHASE_USER_SPACE) {
    host.phase = PHASE_USER_SPACE;
    cpu.charge(STEP.USER_SPACE_EXIT);
    return EXIT_WAITS;
  }
  const operand = data.subarray(0, access.size);
  if (!access.write) {
    data.fill(0);
    vm.userSpace.mmioRead(vcpu.id, guestPhysical, operand);
    finishRead(host);
    return collectRaised(host);
  }
  loadData(host);
  const verdict = vm.userSpace.mmioWrite(vcpu.id, guestPhysical, operand);
  skipInstruction(host, access.length);
  return verdict === 'stop' ? EXIT_STOPS : collectRaised(host);
}

/** The source operand of a write, as eight bytes. */
function loadData(host: HostCpu): void {
  const { cpu } = host;
  const { register } = access;
  const low = register < 0 ? access.immediate : cpu.gprLow(register) >>> (access.highByte ? 8 : 0);
  view.setUint32(0, low >>> 0, true);
  view.setUint32(4, register < 0 ? access.immediate >> 31 : cpu.gprHigh(register), true);
}

/** Extends what was read, writes the register and moves on. */
function finishRead(host: HostCpu): void {
  const { cpu } = host;
  const { size, registerSize, register, highByte, signExtend } = access;
  data.fill(signExtend && (data[size - 1] & 0x80) !== 0 ? 0xff : 0, size);
  const low = view.getUint32(0, true);
  if (registerSize >= 4) {
    cpu.setGprWords(register, registerSize === 8 ? view.getUint32(4, true) : 0, low);
  } else {
    const shift = highByte ? 8 : 0;
    const mask = (registerSize === 1 ? 0xff : 0xffff) << shift;
    cpu.setGprWords(register, cpu.gprHigh(register), (cpu.gprLow(register) & ~mask) | ((low << shift) & mask));
  }
  skipInstruction(host, access.length);
}

function hex(values: Uint8Array): string {
  return Array.from(values, (value) => value.toString(16).padStart(2, '0')).join(' ');
}
