/**
 * A virtual local APIC's timer on the host (lapic.c: start_apic_timer, restart_apic_timer, start_hv_timer,
 * start_sw_timer, apic_timer_expired, apic_timer_fn, kvm_lapic_expired_hv_timer, kvm_lapic_switch_to_sw_timer; vmx.c:
 * vmx_set_hv_timer, vmx_update_hv_timer). While its vCPU may run the timer is the VMX preemption timer; while the vCPU
 * sleeps, or where the preemption timer cannot be used, a high-resolution timer of the host: an interrupt of the
 * physical APIC's timer in TSC-deadline mode.
 *
 * KVM leaves "activate VMX-preemption timer" set for good and loads FFFFFFFFH when no timer runs; here the control is
 * cleared then, which the guest cannot tell. Left out: posted timer interrupts (pi_inject_timer) and timer advance.
 */
import { STEP } from '../cost/step.js';
import { PREEMPTION_TIMER_RATE } from '../hardware/vmx/capability.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import type { HostCpu } from './host-cpu.js';
import { APIC_LVTT, APIC_TDCR, APIC_TMICT } from './lapic/registers.js';
import { KVM_REQ_UNBLOCK, type Vcpu } from './vcpu.js';
import { wakeThread } from './wake.js';

const TIMER_MODE_SHIFT = 17;
const LONGEST_PREEMPTION_CYCLES = 2 ** (32 + PREEMPTION_TIMER_RATE);

/** kvm_set_lapic_tscdeadline_msr: without effect outside TSC-deadline mode. */
export function setTscDeadline(host: HostCpu, deadline: number): void {
  const { apic, timer } = host.vcpu;
  if (!apic.enabled || !timer.usesDeadline) return;
  cancelHostTimer(host);
  timer.deadline = deadline;
  startApicTimer(host);
}

/** kvm_get_lapic_tscdeadline_msr */
export function readTscDeadline({ apic, timer }: Vcpu): number {
  return apic.enabled && timer.usesDeadline ? timer.deadline : 0;
}

/** A register of the timer was written and stands in the register page (kvm_lapic_reg_write). */
export function writeTimerRegister(host: HostCpu, offset: number): void {
  const { vcpu, cpu } = host;
  const { page } = vcpu.apic;
  const { timer } = vcpu;
  const initialCount = page.read(APIC_TMICT);
  switch (offset) {
    case APIC_LVTT:
      if (!timer.setMode((page.read(APIC_LVTT) >>> TIMER_MODE_SHIFT) & 3)) return;
      page.write(APIC_TMICT, 0);
      cancelApicTimer(host);
      return;
    case APIC_TMICT:
      if (timer.usesDeadline) return;
      cancelApicTimer(host);
      if (timer.start(initialCount, cpu.now)) startApicTimer(host);
      return;
    case APIC_TDCR:
      if (!timer.setDivide(page.read(APIC_TDCR), initialCount, cpu.now)) return;
      cancelHostTimer(host);
      startApicTimer(host);
  }
}

function startApicTimer(host: HostCpu): void {
  host.cpu.charge(STEP.TIMER_PROGRAM);
  restartApicTimer(host);
}

/** restart_apic_timer: on the preemption timer if that is possible. */
function restartApicTimer(host: HostCpu): void {
  const { timer } = host.vcpu;
  if (!timer.periodic && timer.pending) return;
  if (!startPreemptionTimer(host)) startHostTimer(host);
}

/** Guest deadline as a host TSC. */
function hostDeadline({ timer, tscOffset }: Vcpu): number {
  return timer.usesDeadline ? timer.deadline - tscOffset : timer.deadline;
}

function startPreemptionTimer(host: HostCpu): boolean {
  const { vcpu, vm, cpu } = host;
  const { timer } = vcpu;
  if (!vm.usesPreemptionTimer || timer.deadline === 0) return false;
  const left = hostDeadline(vcpu) - cpu.tsc;
  if (left >= LONGEST_PREEMPTION_CYCLES) return false;
  cancelHostTimer(host);
  timer.onPreemptionTimer = true;
  vcpu.vmcs.setPreemptionTimer(true);
  if (left > 0 || timer.periodic) return true;
  expireTimer(host);
  cancelPreemptionTimer(host);
  return true;
}

function startHostTimer(host: HostCpu): void {
  const { vcpu, cpu } = host;
  const { timer } = vcpu;
  cancelPreemptionTimer(host);
  if (timer.deadline === 0 || (!timer.periodic && timer.pending)) return;
  const deadline = hostDeadline(vcpu);
  if (deadline <= cpu.tsc && !timer.periodic) {
    expireTimer(host);
    return;
  }
  armHostTimer(host);
}

function armHostTimer(host: HostCpu): void {
  host.cpu.charge(STEP.HRTIMER_START);
  host.vcpu.timer.onHostTimer = true;
  programHostTimer(host);
}

function cancelHostTimer(host: HostCpu): void {
  if (!host.vcpu.timer.onHostTimer) return;
  host.vcpu.timer.onHostTimer = false;
  programHostTimer(host);
}

/** hrtimer_reprogram: the physical APIC's timer runs to the first deadline that waits on this CPU. */
export function programHostTimer({ cpu, vcpu, deviceTimer }: HostCpu): void {
  const deadline = vcpu.timer.onHostTimer ? Math.max(1, hostDeadline(vcpu)) : Infinity;
  const first = Math.min(deadline, deviceTimer);
  cpu.apic.timer.setDeadline(first === Infinity ? 0 : first);
}

function cancelPreemptionTimer({ vcpu }: HostCpu): void {
  if (!vcpu.timer.onPreemptionTimer) return;
  vcpu.timer.onPreemptionTimer = false;
  vcpu.vmcs.setPreemptionTimer(false);
}

/** cancel_apic_timer */
export function cancelApicTimer(host: HostCpu): void {
  cancelHostTimer(host);
  cancelPreemptionTimer(host);
  host.vcpu.timer.pending = false;
}

/**
 * apic_timer_expired: the interrupt is delivered by the fastpath (with APICv) or at the next round of the run loop, which
 * the request enforces.
 */
function expireTimer({ cpu, vcpu }: HostCpu, inHostInterrupt = false): void {
  cpu.charge(STEP.TIMER_EXPIRY);
  if (vcpu.timer.pending) return;
  vcpu.timer.pending = true;
  if (inHostInterrupt || !vcpu.apicvActive) vcpu.requests |= KVM_REQ_UNBLOCK;
}

/** vmx_update_hv_timer, right before VM entry: what is left, in units of the preemption timer. */
export function loadPreemptionTimer(host: HostCpu): void {
  const { cpu, vcpu } = host;
  if (!vcpu.timer.onPreemptionTimer) return;
  cpu.charge(STEP.PREEMPTION_TIMER_LOAD);
  const left = Math.max(0, hostDeadline(vcpu) - cpu.tsc);
  cpu.vmx.vmwrite(VMCS_FIELD.VMX_PREEMPTION_TIMER_VALUE, Math.floor(left / 2 ** PREEMPTION_TIMER_RATE));
}

/** kvm_lapic_expired_hv_timer, at exit 52. */
export function preemptionTimerExpired(host: HostCpu): void {
  const { cpu, vcpu } = host;
  const { timer } = vcpu;
  if (!timer.onPreemptionTimer) return;
  expireTimer(host);
  cancelPreemptionTimer(host);
  if (!timer.periodic || timer.period === 0) return;
  timer.advancePeriod(cpu.now);
  restartApicTimer(host);
}

/** hrtimer_interrupt: runs what has expired, and aims at what comes next. */
export function hostTimerExpired(host: HostCpu): void {
  const { cpu, vcpu } = host;
  if (vcpu.timer.onHostTimer && cpu.tsc >= hostDeadline(vcpu)) apicTimerExpired(host);
  else if (vcpu.timer.onHostTimer || host.deviceTimer > cpu.tsc) programHostTimer(host);
}

/** apic_timer_fn */
function apicTimerExpired(host: HostCpu): void {
  const { cpu, vcpu } = host;
  const { timer } = vcpu;
  timer.onHostTimer = false;
  expireTimer(host, true);
  if (vcpu.sleeping) {
    cpu.charge(STEP.THREAD_WAKEUP);
    wakeThread(host, vcpu);
  }
  if (!timer.periodic || timer.period === 0) return;
  timer.advancePeriod(cpu.now);
  armHostTimer(host);
}

/** kvm_lapic_switch_to_sw_timer, before the vCPU blocks; true when it has to be switched back afterwards. */
export function switchToHostTimer(host: HostCpu): boolean {
  if (!host.vcpu.timer.onPreemptionTimer) return false;
  startHostTimer(host);
  return true;
}

/** kvm_lapic_switch_to_hv_timer */
export function switchToPreemptionTimer(host: HostCpu): void {
  restartApicTimer(host);
}
