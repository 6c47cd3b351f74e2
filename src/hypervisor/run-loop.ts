/**
 * Host code of one physical CPU, as one flat generator: the thread of the vCPU that is pinned there, around vcpu_run and
 * vcpu_enter_guest (x86.c), vmx_vcpu_run (vmx.c), kvm_vcpu_halt and kvm_vcpu_block (kvm_main.c), and the idle loop when
 * the thread sleeps.
 *
 * Every line that other CPUs can notice happens when this CPU is next in order; until then the generator yields
 * ROOT_WAITS. Steps with work to do are functions that answer false while they have to wait. `host.step` names the
 * steps of vcpu_enter_guest.
 *
 * Left out: signals, other threads, SRCU and preemption as such (their costs are part of the steps).
 */
import { STEP } from '../cost/step.js';
import {
  ROOT_ENTERED_GUEST,
  ROOT_IDLE,
  ROOT_STOPPED,
  ROOT_WAITS,
  type RootState,
} from '../hardware/cpu/root-software.js';
import { EXIT_REASON_EXTERNAL_INTERRUPT } from '../hardware/vmx/exit-reason.js';
import { VMX_SUCCEED, VMX_WAIT } from '../hardware/vmx/vmx-unit.js';
import { cancelInjection, completeInterrupts, handleRequests, injectEvents } from './event-injection.js';
import { loadPreemptionTimer, switchToHostTimer, switchToPreemptionTimer } from './apic-timer.js';
import { restoreDebugRegisterExiting } from './exits/debug-registers.js';
import { handleExit } from './exits/dispatch.js';
import { countExitTime, enterGuest, readExit, reportEntryFailure } from './exits/entry.js';
import {
  EXIT_CONTINUES,
  EXIT_KICKS_ALL,
  EXIT_RAISES,
  EXIT_SENDS,
  EXIT_SENDS_TO,
  EXIT_STOPS,
  EXIT_WAITS,
  type ExitResult,
} from './exits/exit-result.js';
import {
  exitFastpath,
  FASTPATH_HANDLED,
  FASTPATH_NONE,
  FASTPATH_REENTER,
  FASTPATH_SENDS,
  FASTPATH_TIMER,
  FASTPATH_WAITS,
  finishIcrFastpath,
  type Fastpath,
} from './exits/fastpath.js';
import { shrinkPleWindow } from './exits/instructions.js';
import {
  adjustHaltPoll,
  EVENTS_NONE,
  EVENTS_TIMER,
  EVENTS_WAIT,
  interruptBlocked,
  nanosecondsOf,
  pendingEvents,
  poll,
  ticksOf,
  type Events,
} from './halt.js';
import type { HostCpu } from './host-cpu.js';
import { HostInterrupts } from './host-interrupts.js';
import { IpiDelivery } from './ipi-delivery.js';
import { APIC_LVTT } from './lapic/registers.js';
import {
  hasHardwareSenders,
  piEnableWakeup,
  piLoad,
  piPostBlock,
  piPreBlock,
  sendPendingWakeup,
  syncPir,
} from './posted-interrupts.js';
import { traceEntry, traceIcrSent, traceWakeup } from './tracepoints.js';
import { acceptApicEvents, leaveBlockedState } from './vcpu-reset.js';
import { IN_GUEST_MODE, MP_STATE_HALTED, MP_STATE_RUNNABLE, OUTSIDE_GUEST_MODE, type Vcpu } from './vcpu.js';

/** Steps of vcpu_enter_guest, in order. */
export const RUN_LOOP_STEPS = [
  'requests', //            1
  'inject-events', //       2
  'load-mmu', //            3
  'prepare-guest', //       4  preemption off, MSRs and segments switched
  'interrupts-off', //      5
  'mode-in-guest', //       6
  'barrier', //             7
  'sync-pir', //            8
  'exit-request-check', //  9
  'load-guest-state', //   10  FPU, debug registers
  'vm-entry', //           11
  'exit-information', //   12
  'fastpath', //           13
  'mode-outside', //       14
  'interrupt-handling', // 15  the vector of exit 1
  'interrupt-window', //   16
  'interrupts-on', //      17
  'exit-dispatch', //      18
] as const;

export type RunLoopStep = (typeof RUN_LOOP_STEPS)[number];

const REQUESTS = 1;
const INJECT_EVENTS = 2;
const LOAD_MMU = 3;
const PREPARE_GUEST = 4;
const INTERRUPTS_OFF = 5;
const MODE_IN_GUEST = 6;
const BARRIER = 7;
const SYNC_PIR = 8;
const EXIT_REQUEST_CHECK = 9;
const LOAD_GUEST_STATE = 10;
const VM_ENTRY = 11;
const EXIT_INFORMATION = 12;
const FASTPATH = 13;
const MODE_OUTSIDE = 14;
const INTERRUPT_HANDLING = 15;
const INTERRUPT_WINDOW = 16;
const INTERRUPTS_ON = 17;
const EXIT_DISPATCH = 18;

/** Host code of `host` for good: from loading the vCPU to its end. */
export function* runLoop(host: HostCpu): Generator<RootState, never, void> {
  const { cpu, vcpu, vm } = host;
  const { clock } = cpu;
  const interrupts = new HostInterrupts(host);
  const delivery = new IpiDelivery(host);

  while (!piLoad(host)) yield ROOT_WAITS;

  for (;;) {
    // ---- kvm_inject_pending_timer_irqs
    if (vcpu.timer.pending) {
      delivery.beginLocal(vcpu.apic.page.read(APIC_LVTT));
      while (!delivery.advance()) yield ROOT_WAITS;
      vcpu.timer.delivered();
    }

    // ---- kvm_vcpu_halt, and the wait for INIT or SIPI
    if (vcpu.mpState !== MP_STATE_RUNNABLE) {
      const start = cpu.now;
      const isHalt = vcpu.mpState === MP_STATE_HALTED;
      let events: Events = EVENTS_NONE;
      let mayBlock = true;
      let waited = false;
      if (isHalt) vcpu.halts++;

      const switchesTimer = switchToHostTimer(host);
      const preBlocks = vm.behaviour.wakeupArming === 'pre-block' && hasHardwareSenders(host);
      while ((events = pendingEvents(host)) === EVENTS_WAIT) yield ROOT_WAITS;
      if (preBlocks && events === EVENTS_NONE) {
        while (!piPreBlock(host)) yield ROOT_WAITS;
        mayBlock = !host.blockRefused;
      }

      const pollEnd = isHalt ? start + ticksOf(vcpu.haltPollNs, vm.tscGHz) : start;
      let unchanged = !preBlocks;
      while (mayBlock && events === EVENTS_NONE && poll(host, pollEnd, unchanged)) {
        while (!interrupts.advance()) yield ROOT_WAITS;
        while ((events = pendingEvents(host)) === EVENTS_WAIT) yield ROOT_WAITS;
        if (events !== EVENTS_NONE) vcpu.haltPollSuccesses++;
        unchanged = true;
      }

      // ---- kvm_vcpu_block
      if (mayBlock && events === EVENTS_NONE) {
        cpu.charge(STEP.VCPU_BLOCK);
        for (;;) {
          while (clock.mustWait(cpu)) yield ROOT_WAITS;
          vcpu.sleeping = true;
          while ((events = pendingEvents(host)) === EVENTS_WAIT) yield ROOT_WAITS;
          if (events !== EVENTS_NONE) break;
          while (clock.mustWait(cpu)) yield ROOT_WAITS;
          if (host.isWoken()) continue;

          // Scheduled out. Interrupts are off while the descriptor changes.
          if (vm.behaviour.wakeupArming === 'put' && hasHardwareSenders(host) && !interruptBlocked(host)) {
            while (!piEnableWakeup(host)) yield ROOT_WAITS;
            while (!sendPendingWakeup(host)) yield ROOT_WAITS;
          }
          waited = true;
          cpu.trace?.({ name: 'ipiv_sched_out', vcpu: vcpu.id });
          for (;;) {
            while (!interrupts.advance()) yield ROOT_WAITS;
            if (host.isWoken()) break;
            host.idle = true;
            yield ROOT_IDLE;
            host.idle = false;
            cpu.charge(STEP.IDLE_WAKE);
          }

          // Scheduled in again.
          cpu.charge(STEP.CONTEXT_SWITCH);
          cpu.trace?.({ name: 'ipiv_sched_in', vcpu: vcpu.id });
          shrinkPleWindow(host);
          while (!piLoad(host)) yield ROOT_WAITS;
        }
        while (clock.mustWait(cpu)) yield ROOT_WAITS;
        vcpu.sleeping = false;
      }

      if (preBlocks) while (!piPostBlock(host)) yield ROOT_WAITS;
      if (isHalt) {
        const ns = nanosecondsOf(cpu.now - start, vm.tscGHz);
        adjustHaltPoll(vcpu, ns, vm.parameters);
        traceWakeup(host, ns, waited);
      }
      if (switchesTimer) switchToPreemptionTimer(host);
      if (events === EVENTS_TIMER) continue;
      while (!leaveBlockedState(host)) yield ROOT_WAITS;
      if (!isRunnable(vcpu)) continue;
    }

    // ---- vcpu_enter_guest
    cpu.charge(STEP.ENTRY_PREPARATION);
    host.step = REQUESTS;
    while (!handleRequests(host)) yield ROOT_WAITS;
    if (vcpu.initPending || vcpu.sipiPending >= 0) {
      while (!acceptApicEvents(host)) yield ROOT_WAITS;
      if (!isRunnable(vcpu)) continue;
    }
    host.step = INJECT_EVENTS;
    while (!injectEvents(host)) yield ROOT_WAITS;
    host.step = LOAD_MMU;
    host.step = PREPARE_GUEST;
    while (!interrupts.advance()) yield ROOT_WAITS;
    host.step = INTERRUPTS_OFF;
    // No time has passed since the last interrupt was looked for: it is still this CPU's turn.
    host.step = MODE_IN_GUEST;
    vcpu.mode = IN_GUEST_MODE;
    host.step = BARRIER;
    host.step = SYNC_PIR;
    while (!syncPir(host)) yield ROOT_WAITS;

    let entry: number = VMX_WAIT;
    let fastpath: Fastpath = FASTPATH_HANDLED;
    for (;;) {
      host.step = EXIT_REQUEST_CHECK;
      while (clock.mustWait(cpu)) yield ROOT_WAITS;
      if (host.exitRequested) break;
      host.step = LOAD_GUEST_STATE;

      loadPreemptionTimer(host);
      if (vm.parameters.mitigations) cpu.charge(STEP.MITIGATION_ENTRY);
      host.step = VM_ENTRY;
      countExitTime(host);
      traceEntry(host);
      while ((entry = enterGuest(host)) === VMX_WAIT) yield ROOT_WAITS;
      if (entry !== VMX_SUCCEED) break;
      yield ROOT_ENTERED_GUEST;

      if (vm.parameters.mitigations) cpu.charge(STEP.MITIGATION_EXIT);
      cpu.charge(STEP.EXIT_STUB);
      host.step = EXIT_INFORMATION;
      readExit(host);
      completeInterrupts(host);

      host.step = FASTPATH;
      cpu.charge(STEP.FASTPATH_ROUTING);
      while ((fastpath = exitFastpath(host)) === FASTPATH_WAITS) yield ROOT_WAITS;
      if (fastpath === FASTPATH_SENDS) {
        delivery.begin();
        while (!delivery.advance()) yield ROOT_WAITS;
        fastpath = finishIcrFastpath(host);
      } else if (fastpath === FASTPATH_TIMER) {
        delivery.beginLocal(vcpu.apic.page.read(APIC_LVTT));
        while (!delivery.advance()) yield ROOT_WAITS;
        vcpu.timer.delivered();
        fastpath = FASTPATH_REENTER;
      }
      if (fastpath !== FASTPATH_REENTER || vcpu.event.info !== 0) break;
      while (!syncPir(host)) yield ROOT_WAITS;
    }

    restoreDebugRegisterExiting(vcpu);
    host.step = MODE_OUTSIDE;
    while (clock.mustWait(cpu)) yield ROOT_WAITS;
    vcpu.mode = OUTSIDE_GUEST_MODE;
    if (entry === VMX_WAIT) {
      cancelInjection(host);
      continue;
    }
    cpu.charge(STEP.EXIT_TAIL);

    host.step = INTERRUPT_HANDLING;
    if (entry === VMX_SUCCEED && vcpu.exitReason === EXIT_REASON_EXTERNAL_INTERRUPT) {
      interrupts.begin(vcpu.exitInterruption & 0xff);
      while (!interrupts.finishHandler()) yield ROOT_WAITS;
    }
    host.step = INTERRUPT_WINDOW;
    while (!interrupts.advance()) yield ROOT_WAITS;
    // In no time at all no other interrupt comes.
    host.step = INTERRUPTS_ON;

    host.step = EXIT_DISPATCH;
    let result: ExitResult = EXIT_CONTINUES;
    if (entry !== VMX_SUCCEED || vcpu.entryFailed) {
      result = reportEntryFailure(host);
    } else if (fastpath === FASTPATH_NONE) {
      cpu.charge(STEP.EXIT_DISPATCH);
      host.phase = 0;
      while ((result = handleExit(host)) === EXIT_WAITS) yield ROOT_WAITS;
      cpu.finish();
    }
    if (result === EXIT_CONTINUES) continue;
    if (result === EXIT_SENDS) delivery.begin();
    else if (result === EXIT_SENDS_TO) delivery.beginTo(host.targets);
    else if (result === EXIT_RAISES) delivery.beginRaised();
    else if (result === EXIT_KICKS_ALL) delivery.beginKickAll(host.broadcast);
    while (!delivery.advance()) yield ROOT_WAITS;
    if (result === EXIT_SENDS) traceIcrSent(host);
    if (result === EXIT_STOPS) {
      vcpu.dead = true;
      for (;;) yield ROOT_STOPPED;
    }
  }
}

/** The state as it is now: others change it while this CPU waits. */
function isRunnable(vcpu: Vcpu): boolean {
  return vcpu.mpState === MP_STATE_RUNNABLE;
}
