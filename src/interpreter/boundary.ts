// What is due between two instructions, where that is an interrupt or the rest of a virtualized APIC write: the interpreter's
// share of hardware/cpu/interrupts.ts and hardware/vmx/non-root-operation.ts. All else is the host's.
import { STEP_IDT_DELIVERY, STEP_STACK_SWITCH } from '../cost/step-numbers';
import { VECTOR_NMI } from '../hardware/cpu/exception-vector';
import {
  BOUNDARY_HOST,
  BOUNDARY_ROOT,
  CPU_APIC_WRITE,
  CPU_ATTENTION,
  CPU_BOUNDARY,
  CPU_CPL,
  CPU_INTERRUPT,
  CPU_NMI_BLOCKED,
  CPU_NMI_PENDING,
  CPU_RECOGNIZED,
  CPU_RETRY,
  CPU_SHADOW,
  CPU_SYSTEM_FLAGS,
  RETRY_BOUNDARY,
} from '../hardware/cpu/layout';
import { RFLAGS_IF, RFLAGS_RF, RFLAGS_TF } from '../hardware/cpu/rflags';
import { emulateApicWrite } from './apic-write-emulation';
import { charge } from './cost';
import { deliver } from './delivery';
import { takeExternalInterrupt } from './external-interrupt';
import { requestsService } from './local-apic';
import { begin, DONE, HOST, PASS, settle, WAIT } from './microcode';
import { isNmiDue, takeNmi } from './nmi';
import { isHosts } from './order';
import { isNotification, processNotification } from './posted-interrupt-processing';
import { deliverVirtualInterrupt } from './virtual-interrupt-delivery';

/** With these the processor looks at every single instruction. */
const FLAGS_TF_RF: u32 = RFLAGS_TF | RFLAGS_RF;

/** Does one thing that is due. DONE: look again. WAIT, EXITS; HOST: the host has to see to it, and goes on where this ends. */
export function handleEvents(cpu: usize): u32 {
  const outcome = settle(cpu, handleEvent(cpu));
  if (outcome == DONE && isQuiet(cpu)) store<u32>(cpu, 0, CPU_ATTENTION);
  // The host begins with the event, and what has been charged is done without another look at the limit.
  if (outcome == HOST) store<u32>(cpu, RETRY_BOUNDARY, CPU_RETRY);
  return outcome;
}

function handleEvent(cpu: usize): u32 {
  const write = load<u32>(cpu, CPU_APIC_WRITE);
  if (write != 0) return finishApicWrite(cpu, write - 1);
  const vector = load<u32>(cpu, CPU_INTERRUPT);
  if (vector != 0) return deliverInterrupt(cpu, vector);
  const kind = load<u32>(cpu, CPU_BOUNDARY);
  if (kind == BOUNDARY_HOST || (load<u32>(cpu, CPU_SYSTEM_FLAGS) & FLAGS_TF_RF) != 0) return HOST;
  if (load<u32>(cpu, CPU_SHADOW) != 0) return nothing(cpu);
  return kind == BOUNDARY_ROOT ? rootBoundary(cpu) : nonRootBoundary(cpu);
}

/** Is there nothing that `handleEvents` would do, whether interrupts are enabled or not? The host answers for its own turn. */
export function isQuiet(cpu: usize): bool {
  const due =
    load<u32>(cpu, CPU_APIC_WRITE) |
    load<u32>(cpu, CPU_INTERRUPT) |
    load<u32>(cpu, CPU_NMI_PENDING) |
    load<u32>(cpu, CPU_RECOGNIZED) |
    (load<u32>(cpu, CPU_SYSTEM_FLAGS) & FLAGS_TF_RF);
  return due == 0 && !isHosts(cpu) && load<u32>(cpu, CPU_BOUNDARY) != BOUNDARY_HOST && !requestsService(cpu);
}

function finishApicWrite(cpu: usize, offset: u32): u32 {
  const outcome = emulateApicWrite(cpu, offset);
  if (outcome != WAIT) store<u32>(cpu, 0, CPU_APIC_WRITE);
  return outcome;
}

function interruptsEnabled(cpu: usize): bool {
  return (load<u32>(cpu, CPU_SYSTEM_FLAGS) & RFLAGS_IF) != 0;
}

function rootBoundary(cpu: usize): u32 {
  if (isNmiDue(cpu)) return takeNmi(cpu);
  if (!requestsService(cpu) || !interruptsEnabled(cpu)) return nothing(cpu);
  const outcome = takeExternalInterrupt(cpu);
  return outcome == PASS ? HOST : outcome;
}

function nonRootBoundary(cpu: usize): u32 {
  if (load<u32>(cpu, CPU_RECOGNIZED) != 0 && interruptsEnabled(cpu)) return deliverVirtualInterrupt(cpu);
  if (!requestsService(cpu)) return nothing(cpu);
  return isNotification(cpu) ? processNotification(cpu) : HOST;
}

function nothing(cpu: usize): u32 {
  store<u32>(cpu, 0, CPU_ATTENTION);
  return DONE;
}

/** Delivery through the IDT; the handler comes next. */
function deliverInterrupt(cpu: usize, vector: u32): u32 {
  if (begin(cpu)) {
    charge(cpu, STEP_IDT_DELIVERY);
    if (load<u32>(cpu, CPU_CPL) == 3) charge(cpu, STEP_STACK_SWITCH);
  }
  if (!deliver(cpu, vector)) return HOST;
  store<u32>(cpu, 0, CPU_INTERRUPT);
  if (vector == VECTOR_NMI) store<u32>(cpu, 1, CPU_NMI_BLOCKED);
  return DONE;
}
