/**
 * A halted vCPU: is an event pending, how long to poll for one, and how the polling window follows the outcome
 * (kvm_vcpu_halt, kvm_vcpu_check_block, grow_halt_poll_ns, shrink_halt_poll_ns, kvm_main.c; kvm_arch_vcpu_runnable).
 * The order of polling, blocking and waking stands in run-loop.ts.
 *
 * Left out: invalid wake-ups, the per-VM limit on polling, and a host that needs the CPU for another thread.
 */
import { STEP, TICKS_PER_CYCLE } from '../cost/step.js';
import { RFLAGS_IF } from '../hardware/cpu/rflags.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import type { HostCpu } from './host-cpu.js';
import { picPending } from './interrupt-chip.js';
import type { KvmParameters } from './kvm-parameters.js';
import { movePirToIrr } from './posted-interrupts.js';
import { MP_STATE_INIT_RECEIVED, MP_STATE_UNINITIALIZED, type Vcpu } from './vcpu.js';

const BLOCKED_BY_STI_OR_MOV_SS = 3;
const BLOCKED_BY_NMI = 1 << 3;

/** What a look at a vCPU's events has found. */
export const EVENTS_NONE = 0;
export const EVENTS_PENDING = 1;
/** Wait for your turn, look again. */
export const EVENTS_WAIT = 2;
/** Nothing for the guest yet, but an expired timer whose interrupt the run loop has to deliver first. */
export const EVENTS_TIMER = 3;

export type Events = typeof EVENTS_NONE | typeof EVENTS_PENDING | typeof EVENTS_WAIT | typeof EVENTS_TIMER;

/** vmx_interrupt_blocked: IF = 0, or blocking by STI or MOV SS. */
export function interruptBlocked(host: HostCpu): boolean {
  const { vmx } = host.cpu;
  if ((vmx.vmreadLow(VMCS_FIELD.GUEST_RFLAGS) & RFLAGS_IF) === 0) return true;
  return (vmx.vmreadLow(VMCS_FIELD.GUEST_INTERRUPTIBILITY_INFO) & BLOCKED_BY_STI_OR_MOV_SS) !== 0;
}

/** vmx_nmi_blocked, with virtual NMIs. */
export function nmiBlocked({ cpu }: HostCpu): boolean {
  const blocking = cpu.vmx.vmreadLow(VMCS_FIELD.GUEST_INTERRUPTIBILITY_INFO);
  return (blocking & (BLOCKED_BY_NMI | BLOCKED_BY_STI_OR_MOV_SS)) !== 0;
}

/**
 * kvm_vcpu_check_block and kvm_vcpu_has_events: something would end a halt, or the wait for INIT or SIPI. Posted
 * interrupts are moved to the IRR on the way.
 */
export function pendingEvents(host: HostCpu): Events {
  const { cpu, vcpu } = host;
  if (cpu.clock.mustWait(cpu)) return EVENTS_WAIT;
  if (vcpu.timer.pending) return EVENTS_TIMER;
  if (vcpu.initPending || vcpu.sipiPending >= 0) return EVENTS_PENDING;
  if (vcpu.mpState === MP_STATE_UNINITIALIZED || vcpu.mpState === MP_STATE_INIT_RECEIVED) return EVENTS_NONE;
  if (vcpu.nmiQueued !== 0 || vcpu.event.info !== 0) return EVENTS_PENDING;
  if (vcpu.nmiPending !== 0 && !nmiBlocked(host)) return EVENTS_PENDING;
  if (interruptBlocked(host)) return EVENTS_NONE;
  if (picPending(host)) return EVENTS_PENDING;
  if (!movePirToIrr(host)) return EVENTS_WAIT;
  return vcpu.apic.acceptsInterrupts && vcpu.apic.page.deliverableVector >= 0 ? EVENTS_PENDING : EVENTS_NONE;
}

/**
 * Halt polling. True: time to look for interrupts and events again, since somebody else may have acted; `unchanged` says that
 * nobody has since the last look, which would find no more than it has. False: the window, which ends at `end`, is over.
 */
export function poll({ cpu }: HostCpu, end: number, unchanged: boolean): boolean {
  while (cpu.now < end) {
    cpu.charge(STEP.HALT_POLL_ITERATION);
    if (!unchanged || cpu.clock.mustWait(cpu) || cpu.apic.requestsService) return true;
  }
  return false;
}

/** Ticks of `ns` nanoseconds. */
export function ticksOf(ns: number, tscGHz: number): number {
  return Math.floor(ns * tscGHz * TICKS_PER_CYCLE);
}

/** Nanoseconds of `ticks`. */
export function nanosecondsOf(ticks: number, tscGHz: number): number {
  return Math.floor(ticks / (tscGHz * TICKS_PER_CYCLE));
}

/** Adapts the window after a halt of `haltNs`: long ones shrink it, short ones that it missed let it grow. */
export function adjustHaltPoll(vcpu: Pick<Vcpu, 'haltPollNs'>, haltNs: number, parameters: KvmParameters): void {
  const { haltPollNs: max } = parameters;
  if (max === 0) vcpu.haltPollNs = 0;
  else if (haltNs <= vcpu.haltPollNs) return;
  else if (vcpu.haltPollNs > 0 && haltNs > max) vcpu.haltPollNs = shrunk(vcpu.haltPollNs, parameters);
  else if (vcpu.haltPollNs < max && haltNs < max) vcpu.haltPollNs = grown(vcpu.haltPollNs, parameters);
}

function grown(window: number, { haltPollNs: max, haltPollNsGrow, haltPollNsGrowStart }: KvmParameters): number {
  if (haltPollNsGrow === 0) return window;
  return Math.min(max, Math.max(haltPollNsGrowStart, window * haltPollNsGrow));
}

function shrunk(window: number, { haltPollNsShrink, haltPollNsGrowStart }: KvmParameters): number {
  if (haltPollNsShrink === 0) return 0;
  const value = Math.floor(window / haltPollNsShrink);
  return value < haltPollNsGrowStart ? 0 : value;
}
