/**
 * Events between two instructions outside VMX non-root operation, in order of priority: INIT, debug traps, NMI, external
 * interrupts, user interrupts (SDM vol. 3, 7.9 and 12.8.4; 7.4.1 for user-interrupt notification).
 *
 * Left out: machine checks, SMI.
 */
import { STEP } from '../../cost/step.js';
import { canDeliverUserInterrupt, deliverUserInterrupt, processNotification } from '../vmx/user-interrupts.js';
import { ACTIVITY_ACTIVE, ACTIVITY_MWAIT, ACTIVITY_SHUTDOWN, ACTIVITY_WAIT_FOR_SIPI } from './activity.js';
import { CR4_UINTR } from './control-register-bits.js';
import type { Cpu } from './cpu.js';
import { EXTERNAL_INTERRUPTS } from './exceptions.js';
import { inLongMode } from './mode.js';
import { PASS, REDIRECTED, WAIT, type Outcome } from './outcome.js';
import { initialize, startUp } from './reset.js';

/**
 * Takes the first deliverable event: REDIRECTED when one was taken (its delivery through the IDT comes next), WAIT, or
 * PASS when there is none. VMX root operation blocks INIT, which stays pending until VM entry or VMXOFF (SDM vol. 3, 24.8).
 */
export function interruptBoundary(cpu: Cpu): Outcome {
  if (cpu.initPending && !cpu.vmx.inVmxOperation) return takeInit(cpu);
  if (cpu.activity === ACTIVITY_WAIT_FOR_SIPI) return cpu.sipiPending < 0 ? PASS : takeStartUp(cpu);
  cpu.sipiPending = -1;
  if (cpu.debugExceptions.isDue) return cpu.debugExceptions.raise();
  // STI holds NMIs back, too.
  if (cpu.nmiPending && !cpu.nmiBlocked && cpu.shadow === 0) {
    return cpu.engine.takeNmi(cpu.block) === WAIT ? WAIT : REDIRECTED;
  }
  if (cpu.activity === ACTIVITY_SHUTDOWN || cpu.shadow !== 0) return PASS;
  if (cpu.apic.requestsService) {
    if (cpu.interruptsEnabled) return takeExternalInterrupt(cpu);
    if (cpu.activity === ACTIVITY_MWAIT && cpu.mwaitBreaksOnInterrupt) return leaveMwait(cpu);
  }
  return cpu.activity === ACTIVITY_ACTIVE && canDeliverUserInterrupt(cpu) ? deliverUserInterrupt(cpu) : PASS;
}

function takeInit(cpu: Cpu): Outcome {
  if (cpu.clock.mustWait(cpu)) return WAIT;
  cpu.initPending = false;
  if (cpu.activity !== ACTIVITY_WAIT_FOR_SIPI) initialize(cpu);
  return REDIRECTED;
}

function takeStartUp(cpu: Cpu): Outcome {
  const vector = cpu.sipiPending;
  cpu.sipiPending = -1;
  startUp(cpu, vector);
  return REDIRECTED;
}

/** Charges what leaving a sleeping state costs in the core. */
export function chargeWake(cpu: Cpu): void {
  cpu.engine.chargeWake(cpu.block);
}

function leaveMwait(cpu: Cpu): Outcome {
  chargeWake(cpu);
  cpu.activity = ACTIVITY_ACTIVE;
  return REDIRECTED;
}

/** What waits may have become, or ceased to be, a user-interrupt notification meanwhile. */
function takeExternalInterrupt(cpu: Cpu): Outcome {
  if (isNotification(cpu, cpu.apic.pendingVector)) return takeNotification(cpu);
  const outcome = cpu.engine.takeExternalInterrupt(cpu.block);
  if (outcome === PASS) {
    cpu.activity = ACTIVITY_ACTIVE;
    cpu.injected = EXTERNAL_INTERRUPTS[cpu.apic.acknowledge()];
  }
  return outcome === WAIT ? WAIT : REDIRECTED;
}

function takeNotification(cpu: Cpu): Outcome {
  if (cpu.begin()) {
    chargeWake(cpu);
    cpu.charge(STEP.INTERRUPT_RECOGNITION);
    cpu.charge(STEP.USER_INTERRUPT_NOTIFICATION);
  }
  return cpu.clock.mustWait(cpu) ? WAIT : processNotification(cpu);
}

/** `vector` is the user-interrupt notification vector (SDM vol. 3, 7.4.1). */
export function isNotification(cpu: Cpu, vector: number): boolean {
  return (cpu.cr4 & CR4_UINTR) !== 0 && inLongMode(cpu) && vector === cpu.userInterrupts.notificationVector;
}
