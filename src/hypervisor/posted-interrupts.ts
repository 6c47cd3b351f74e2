/**
 * The receiving side of posted interrupts in software (posted_intr.c; vmx_sync_pir_to_irr, vmx.c): PIR to IRR before
 * entry, and the descriptor's NV, SN and NDST when a vCPU is loaded, blocks or is preempted.
 *
 * Each function is one host step: false = wait for your turn and call again; nothing has been done yet.
 *
 * Left out: VT-d posting, and moving a blocked vCPU to another CPU's list (vCPUs are pinned).
 */
import { STEP } from '../cost/step.js';
import { LINE_SIZE } from '../hardware/memory/physical-memory.js';
import { encodeDestination } from '../hardware/vmx/posted-interrupt-descriptor.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import { POSTED_INTR_VECTOR, POSTED_INTR_WAKEUP_VECTOR } from './host-interrupt-vectors.js';
import type { HostCpu } from './host-cpu.js';
import { APIC_IRR } from './lapic/registers.js';
import type { Vcpu } from './vcpu.js';

const PIR_WORDS = 8;

/** Descriptor of a vCPU at reset: notifications suppressed until it is loaded for the first time. */
export function resetDescriptor(vcpu: Vcpu): void {
  const { descriptor } = vcpu;
  for (let word = 0; word < PIR_WORDS; word++) descriptor.takePir(word);
  descriptor.on = false;
  descriptor.sn = true;
  descriptor.nv = POSTED_INTR_VECTOR;
  descriptor.ndst = 0;
}

/** NDST that names this host CPU. */
function notificationDestination(host: HostCpu): number {
  return encodeDestination(host.cpu.apicId, host.cpu.apic.x2apic);
}

/** Both cache lines of the IRR, which other CPUs write while APICv is inactive. */
export function holdIrr(host: HostCpu, vcpu: Vcpu, write: boolean): boolean {
  const { cpu } = host;
  const irr = vcpu.pages.registerPage + APIC_IRR;
  return cpu.lines.hold(cpu, irr, write) && cpu.lines.hold(cpu, irr + LINE_SIZE, write);
}

/**
 * The core of vmx_sync_pir_to_irr, without a cost of its own: ON is cleared before the PIR is taken, so that a sender
 * who comes later notifies again. RVI becomes the highest request.
 */
export function movePirToIrr(host: HostCpu): boolean {
  const { cpu, vcpu } = host;
  if (!vcpu.apicvActive) return holdIrr(host, vcpu, false);
  const { descriptor } = vcpu;
  if (!cpu.lines.hold(cpu, descriptor.address, false)) return false;
  if (descriptor.on) {
    if (!holdIrr(host, vcpu, true) || !cpu.lines.hold(cpu, descriptor.address, true)) return false;
    descriptor.on = false;
    cpu.trace?.({ name: 'ipiv_on', descriptor: descriptor.address, on: false });
    takePir(vcpu);
    cpu.trace?.({ name: 'ipiv_pir_taken', descriptor: descriptor.address });
  }
  setRvi(host, vcpu.apic.page.highestVector(APIC_IRR));
  return true;
}

function takePir(vcpu: Vcpu): void {
  const { descriptor, apic } = vcpu;
  for (let word = 0; word < PIR_WORDS; word++) {
    const bits = descriptor.takePir(word);
    if (bits !== 0) apic.page.write(APIC_IRR + word * 16, apic.page.read(APIC_IRR + word * 16) | bits);
  }
}

/** vmx_set_rvi */
function setRvi(host: HostCpu, highest: number): void {
  const { vmx } = host.cpu;
  const status = vmx.vmreadLow(VMCS_FIELD.GUEST_INTR_STATUS);
  const rvi = Math.max(0, highest);
  if ((status & 0xff) !== rvi) vmx.vmwrite(VMCS_FIELD.GUEST_INTR_STATUS, (status & 0xff00) | rvi);
}

/** S14: the sync of the run loop, right before entry with interrupts off. */
export function syncPir(host: HostCpu): boolean {
  if (!host.vcpu.apicvActive) return true;
  if (host.cpu.begin()) host.cpu.charge(STEP.PIR_SYNC);
  return movePirToIrr(host) && host.finish();
}

/**
 * vmx_vcpu_pi_load: the descriptor names this CPU and notifications are wanted. A vCPU that pi_pre_block of 5.14 has
 * armed stays armed until pi_post_block: it may go back to sleep.
 */
export function piLoad(host: HostCpu): boolean {
  const { cpu, vcpu, vm } = host;
  const { descriptor } = vcpu;
  if (!vm.parameters.enableApicv) return true;
  if (!cpu.lines.hold(cpu, descriptor.address, false)) return false;
  const isArmed = descriptor.nv === POSTED_INTR_WAKEUP_VECTOR && vm.behaviour.wakeupArming === 'put';
  const elsewhere = isArmed || !vcpu.loaded;
  if (!elsewhere && !descriptor.sn) return true;
  if (cpu.begin()) cpu.charge(STEP.PI_LOAD);
  if (!cpu.lines.hold(cpu, descriptor.address, true)) return false;
  if (elsewhere) {
    removeFromWakeupList(host, vcpu);
    descriptor.ndst = notificationDestination(host);
    descriptor.nv = POSTED_INTR_VECTOR;
    vcpu.loaded = true;
  }
  descriptor.sn = false;
  // Senders that were suppressed set only the PIR.
  if (!descriptor.pirEmpty) {
    descriptor.on = true;
    cpu.trace?.({ name: 'ipiv_on', descriptor: descriptor.address, on: true });
  }
  return host.finish();
}

/** vmx_can_use_vtd_pi or IPI virtualization: somebody posts without running KVM's code. */
export function hasHardwareSenders(host: HostCpu): boolean {
  return host.vm.parameters.enableIpiv;
}

/** vmx_vcpu_pi_put of a preempted vCPU: hardware senders post, but do not notify. */
export function piPutPreempted(host: HostCpu): boolean {
  const { cpu, vcpu } = host;
  if (!hasHardwareSenders(host)) return true;
  if (cpu.begin()) cpu.charge(STEP.PI_PUT);
  if (!cpu.lines.hold(cpu, vcpu.descriptor.address, true)) return false;
  vcpu.descriptor.sn = true;
  return host.finish();
}

/**
 * pi_enable_wakeup_handler, for a vCPU that blocks: hardware senders now interrupt this CPU with the wakeup vector. An
 * interrupt posted before that is not lost: ON is set, and the vector is sent to this CPU itself.
 */
export function piEnableWakeup(host: HostCpu): boolean {
  const { cpu, vcpu } = host;
  if (cpu.begin()) cpu.charge(STEP.PI_PUT);
  if (!cpu.lines.hold(cpu, vcpu.descriptor.address, true) || cpu.clock.mustWait(cpu)) return false;
  if (!host.wakeupList.includes(vcpu)) host.wakeupList.push(vcpu);
  vcpu.descriptor.nv = POSTED_INTR_WAKEUP_VECTOR;
  if (vcpu.descriptor.on) {
    host.chargeIcrWrite();
    host.wakeupSelfPending = true;
  }
  return host.finish();
}

/** The wakeup vector to this CPU itself that `piEnableWakeup` found necessary. */
export function sendPendingWakeup(host: HostCpu): boolean {
  if (!host.wakeupSelfPending) return true;
  if (host.cpu.clock.mustWait(host.cpu)) return false;
  host.wakeupSelfPending = false;
  host.sendWakeupToSelf();
  return true;
}

/**
 * pi_pre_block of 5.14: before halt polling. Answers through `host.blockRefused` whether an interrupt that is already
 * outstanding undid it.
 */
export function piPreBlock(host: HostCpu): boolean {
  const { cpu, vcpu } = host;
  const { descriptor } = vcpu;
  if (cpu.begin()) cpu.charge(STEP.PI_PUT);
  if (!cpu.lines.hold(cpu, descriptor.address, true)) return false;
  host.blockRefused = descriptor.on;
  if (!descriptor.on) {
    host.wakeupList.push(vcpu);
    descriptor.ndst = notificationDestination(host);
    descriptor.nv = POSTED_INTR_WAKEUP_VECTOR;
  }
  return host.finish();
}

/** pi_post_block of 5.14: after the wait, whether or not it slept. */
export function piPostBlock(host: HostCpu): boolean {
  const { cpu, vcpu } = host;
  if (!host.wakeupList.includes(vcpu)) return true;
  if (cpu.begin()) cpu.charge(STEP.PI_LOAD);
  if (!cpu.lines.hold(cpu, vcpu.descriptor.address, true)) return false;
  removeFromWakeupList(host, vcpu);
  vcpu.descriptor.ndst = notificationDestination(host);
  vcpu.descriptor.nv = POSTED_INTR_VECTOR;
  return host.finish();
}

function removeFromWakeupList(host: HostCpu, vcpu: Vcpu): void {
  const at = host.wakeupList.indexOf(vcpu);
  if (at >= 0) host.wakeupList.splice(at, 1);
}
