/**
 * Exits handled before interrupts come back on (vmx_exit_handlers_fastpath): the x2APIC ICR, IA32_TSC_DEADLINE, the
 * VMX preemption timer, and from 6.12 HLT.
 */
import { STEP } from '../../cost/step.js';
import {
  EXIT_REASON_HLT,
  EXIT_REASON_MSR_WRITE,
  EXIT_REASON_PREEMPTION_TIMER,
} from '../../hardware/vmx/exit-reason.js';
import { preemptionTimerExpired, setTscDeadline } from '../apic-timer.js';
import { EVENTS_PENDING, EVENTS_WAIT, pendingEvents } from '../halt.js';
import type { HostCpu } from '../host-cpu.js';
import { MSR_IA32_TSC_DEADLINE } from '../lapic/registers.js';
import { traceIcrSent, traceMsr } from '../tracepoints.js';
import { MP_STATE_HALTED } from '../vcpu.js';
import { decodeFastpathIcr } from './msr.js';
import { skipInstruction } from './skip.js';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const TWO_32 = 2 ** 32;

/** Not for the fastpath: the handler follows after the tail of the run loop. */
export const FASTPATH_NONE = 0;
/** EXIT_FASTPATH_EXIT_HANDLED: the tail, but no handler. */
export const FASTPATH_HANDLED = 1;
/** EXIT_FASTPATH_REENTER_GUEST: straight to VM entry after a PIR sync. */
export const FASTPATH_REENTER = 2;
/** `host.request` is to be delivered, then `finishIcrFastpath`. */
export const FASTPATH_SENDS = 3;
/** Wait for your turn, call again. */
export const FASTPATH_WAITS = 4;
/** The interrupt of the expired APIC timer is to be delivered, then straight to VM entry. */
export const FASTPATH_TIMER = 5;

export type Fastpath =
  | typeof FASTPATH_NONE
  | typeof FASTPATH_HANDLED
  | typeof FASTPATH_REENTER
  | typeof FASTPATH_SENDS
  | typeof FASTPATH_WAITS
  | typeof FASTPATH_TIMER;

export function exitFastpath(host: HostCpu): Fastpath {
  const { exitReason } = host.vcpu;
  if (exitReason === EXIT_REASON_MSR_WRITE) return decodeFastpathIcr(host) ? FASTPATH_SENDS : deadlineFastpath(host);
  if (exitReason === EXIT_REASON_PREEMPTION_TIMER) {
    preemptionTimerExpired(host);
    return deliverTimer(host);
  }
  if (exitReason === EXIT_REASON_HLT && host.vm.behaviour.hltFastpath) return haltFastpath(host);
  return FASTPATH_NONE;
}

export function finishIcrFastpath(host: HostCpu): Fastpath {
  traceIcrSent(host);
  skipInstruction(host);
  return host.vm.behaviour.icrFastpath === 'reenter-guest' ? FASTPATH_REENTER : FASTPATH_HANDLED;
}

/** handle_fastpath_set_tscdeadline: only if the deadline can run on the preemption timer. */
function deadlineFastpath(host: HostCpu): Fastpath {
  const { cpu, vm } = host;
  if (cpu.gprLow(RCX) !== MSR_IA32_TSC_DEADLINE || !vm.usesPreemptionTimer) return FASTPATH_NONE;
  setTscDeadline(host, cpu.gprLow(RDX) * TWO_32 + cpu.gprLow(RAX));
  traceMsr(host);
  skipInstruction(host);
  return deliverTimer(host);
}

/** With APICv the interrupt of a timer that has expired goes into the PIR at once. */
function deliverTimer({ vcpu }: HostCpu): Fastpath {
  return vcpu.timer.pending && vcpu.apicvActive ? FASTPATH_TIMER : FASTPATH_REENTER;
}

/** handle_fastpath_hlt: with an event pending the guest goes on at once. */
function haltFastpath(host: HostCpu): Fastpath {
  const { cpu, vcpu } = host;
  if (cpu.begin()) {
    cpu.charge(STEP.HLT_HANDLER);
    skipInstruction(host);
  }
  const events = pendingEvents(host);
  if (events === EVENTS_WAIT) return FASTPATH_WAITS;
  cpu.finish();
  if (events === EVENTS_PENDING) return FASTPATH_REENTER;
  vcpu.mpState = MP_STATE_HALTED;
  return FASTPATH_HANDLED;
}
