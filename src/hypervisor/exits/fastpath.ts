/**
 * Exits handled before interrupts come back on (vmx_exit_handlers_fastpath): the x2APIC ICR, and from 6.12 HLT.
 */
import { STEP } from '../../cost/step.js';
import { EXIT_REASON_HLT, EXIT_REASON_MSR_WRITE } from '../../hardware/vmx/exit-reason.js';
import { EVENTS_PENDING, EVENTS_WAIT, pendingEvents } from '../halt.js';
import type { HostCpu } from '../host-cpu.js';
import { MP_STATE_HALTED } from '../vcpu.js';
import { decodeFastpathIcr } from './msr.js';
import { skipInstruction } from './skip.js';

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

export type Fastpath =
  | typeof FASTPATH_NONE
  | typeof FASTPATH_HANDLED
  | typeof FASTPATH_REENTER
  | typeof FASTPATH_SENDS
  | typeof FASTPATH_WAITS;

export function exitFastpath(host: HostCpu): Fastpath {
  const { exitReason } = host.vcpu;
  if (exitReason === EXIT_REASON_MSR_WRITE) return decodeFastpathIcr(host) ? FASTPATH_SENDS : FASTPATH_NONE;
  if (exitReason === EXIT_REASON_HLT && host.vm.behaviour.hltFastpath) return haltFastpath(host);
  return FASTPATH_NONE;
}

export function finishIcrFastpath(host: HostCpu): Fastpath {
  skipInstruction(host);
  return host.vm.behaviour.icrFastpath === 'reenter-guest' ? FASTPATH_REENTER : FASTPATH_HANDLED;
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
