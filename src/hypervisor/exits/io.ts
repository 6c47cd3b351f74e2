/**
 * Exit 30: port I/O (handle_io, vmx.c; kvm_fast_pio, kernel_pio, x86.c). KVM's own devices and ioeventfds answer in the
 * kernel, everything else goes to user space. INS and OUTS are emulated.
 */
import { STEP } from '../../cost/step.js';
import { emulateInstruction } from '../emulator/instruction-emulator.js';
import type { HostCpu } from '../host-cpu.js';
import { collectRaised } from '../interrupt-chip.js';
import type { KernelDevices } from '../kernel-devices.js';
import { EXIT_CONTINUES, EXIT_STOPS, EXIT_WAITS, type ExitResult } from './exit-result.js';
import { skipInstruction } from './skip.js';

const RAX = 0;
const QUALIFICATION_SIZE = 7;
const QUALIFICATION_IN = 1 << 3;
const QUALIFICATION_STRING = 1 << 4;
const PHASE_BUS = 1;
const PHASE_USER_SPACE = 2;

export function handleIo(host: HostCpu): ExitResult {
  const { vcpu, vm } = host;
  const port = vcpu.exitQualification >>> 16;
  if ((vcpu.exitQualification & QUALIFICATION_STRING) !== 0) return emulateInstruction(host, null);
  if (vm.kernelDevices?.claims('port', port) === true) return accessKernel(host, vm.kernelDevices, port);
  if (vm.kernelDevices !== null && host.phase !== PHASE_USER_SPACE) return tryEventFd(host, vm.kernelDevices, port);
  return accessUserSpace(host, port);
}

/** A device of the in-kernel interrupt chip. */
function accessKernel(host: HostCpu, devices: KernelDevices, port: number): ExitResult {
  const { cpu, vcpu } = host;
  if (cpu.begin()) cpu.charge(STEP.KERNEL_PORT_IO);
  if (cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  const size = sizeOf(host);
  if (isWrite(host)) devices.write(vcpu.id, 'port', port, size, written(host, size));
  else finishRead(host, size, devices.read(vcpu.id, 'port', port, size));
  skipInstruction(host);
  return collectRaised(host);
}

/** Ports with an ioeventfd cost the search of the bus, matching writes the signal, other accesses user space as well. */
function tryEventFd(host: HostCpu, devices: KernelDevices, port: number): ExitResult {
  const { cpu } = host;
  const size = sizeOf(host);
  if (cpu.begin() && isWrite(host) && devices.listens('port', port)) {
    cpu.charge(STEP.KERNEL_PORT_IO);
    host.phase = PHASE_BUS;
  }
  if (cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  if (host.phase === PHASE_BUS && devices.matches('port', port, size, written(host, size))) {
    cpu.charge(STEP.EVENTFD_SIGNAL);
    skipInstruction(host);
    return EXIT_CONTINUES;
  }
  cpu.charge(STEP.USER_SPACE_EXIT);
  host.phase = PHASE_USER_SPACE;
  return EXIT_WAITS;
}

function accessUserSpace(host: HostCpu, port: number): ExitResult {
  const { cpu, vcpu, vm } = host;
  if (cpu.begin()) cpu.charge(STEP.USER_SPACE_EXIT);
  if (cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  const size = sizeOf(host);
  if (isWrite(host)) {
    skipInstruction(host);
    const verdict = vm.userSpace.portWrite(vcpu.id, port, size, written(host, size));
    return verdict === 'stop' ? EXIT_STOPS : collectRaised(host);
  }
  finishRead(host, size, vm.userSpace.portRead(vcpu.id, port, size));
  skipInstruction(host);
  return collectRaised(host);
}

function sizeOf({ vcpu }: HostCpu): number {
  return (vcpu.exitQualification & QUALIFICATION_SIZE) + 1;
}

function isWrite({ vcpu }: HostCpu): boolean {
  return (vcpu.exitQualification & QUALIFICATION_IN) === 0;
}

function maskOf(size: number): number {
  return size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1;
}

function written({ cpu }: HostCpu, size: number): number {
  return (cpu.gprLow(RAX) & maskOf(size)) >>> 0;
}

function finishRead({ cpu }: HostCpu, size: number, value: number): void {
  const mask = maskOf(size);
  const read = (value & mask) >>> 0;
  cpu.setGprWords(RAX, size === 4 ? 0 : cpu.gprHigh(RAX), ((cpu.gprLow(RAX) & ~mask) | read) >>> 0);
}
