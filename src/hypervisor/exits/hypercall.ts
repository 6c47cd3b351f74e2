/**
 * Exit 18: hypercalls (kvm_emulate_hypercall, x86.c; kvm_pv_send_ipi, lapic.c). RAX is the number, RBX RCX RDX RSI are
 * the arguments, RAX takes the result.
 *
 * Left out: KVM_HC_KICK_CPU and the calls for clock pairing and memory encryption: they answer -KVM_ENOSYS.
 */
import { STEP } from '../../cost/step.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import type { HostCpu } from '../host-cpu.js';
import type { Vcpu } from '../vcpu.js';
import { EXIT_CONTINUES, EXIT_SENDS_TO, EXIT_WAITS, type ExitResult } from './exit-result.js';
import { cplOf } from './privilege.js';
import { skipInstruction } from './skip.js';

export const KVM_HC_VAPIC_POLL_IRQ = 1;
export const KVM_HC_SEND_IPI = 10;
export const KVM_HC_SCHED_YIELD = 11;

export const KVM_ENOSYS = 1000;
export const KVM_EPERM = 1;
export const KVM_EINVAL = 22;

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const RSI = 6;
const ACCESS_L = 1 << 13;
const BITS_PER_LONG = 64;
/** Logical destination and shorthands: not for this call. */
const ICR_REFUSED = 0xc0800;

export function handleVmcall(host: HostCpu): ExitResult {
  const { cpu, vcpu } = host;
  if (cpu.begin()) cpu.charge(STEP.HYPERCALL_HANDLER);
  if (cpu.gprLow(RAX) !== KVM_HC_SEND_IPI) return finish(host, simpleCall(host));
  if (cplOf(host) !== 0) return finish(host, -KVM_EPERM);
  if (cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  const icr = cpu.gprLow(RSI);
  if ((icr & ICR_REFUSED) !== 0) return finish(host, -KVM_EINVAL);
  host.request.fromIcr(icr, 0, vcpu.apic.x2apic);
  addressedVcpus(host, host.targets);
  finish(host, host.targets.length);
  return EXIT_SENDS_TO;
}

function simpleCall(host: HostCpu): number {
  if (cplOf(host) !== 0) return -KVM_EPERM;
  switch (host.cpu.gprLow(RAX)) {
    case KVM_HC_VAPIC_POLL_IRQ:
    case KVM_HC_SCHED_YIELD:
      return 0;
    default:
      return -KVM_ENOSYS;
  }
}

/** 32-bit callers get 32 bits. */
function finish(host: HostCpu, result: number): ExitResult {
  if (is64Bit(host)) host.cpu.setGprNumber(RAX, result);
  else host.cpu.setGprWords(RAX, 0, result >>> 0);
  skipInstruction(host);
  return EXIT_CONTINUES;
}

/** __pv_send_ipi: two bitmaps of APIC IDs, from RDX on, of vCPUs whose APIC takes interrupts. */
function addressedVcpus(host: HostCpu, targets: Vcpu[]): void {
  const { cpu, vm } = host;
  const first = cpu.gprLow(RDX);
  const longBits = is64Bit(host) ? BITS_PER_LONG : BITS_PER_LONG / 2;
  targets.length = 0;
  for (const vcpu of vm.vcpus) {
    const bit = vcpu.apic.id - first;
    if (bit < 0 || bit >= 2 * longBits || !vcpu.apic.acceptsInterrupts) continue;
    const bitmap = bit < longBits ? RBX : RCX;
    const within = bit % longBits;
    const word = within < 32 ? cpu.gprLow(bitmap) : cpu.gprHigh(bitmap);
    if (((word >>> (within & 31)) & 1) !== 0) targets.push(vcpu);
  }
}

function is64Bit({ cpu }: HostCpu): boolean {
  return (cpu.vmx.vmread(VMCS_FIELD.GUEST_CS_AR_BYTES) & ACCESS_L) !== 0;
}
