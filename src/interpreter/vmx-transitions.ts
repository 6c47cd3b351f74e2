// VM exits and VM entries (SDM vol. 3, chapters 28 and 27) of a guest whose state stays where it is meanwhile: what software
// may look at goes into the VMCS, and what it may change there comes back. When that is so, and all else, is decided in
// hardware/vmx/kept-guest.ts.
import { STEP_VM_ENTRY, STEP_VM_EXIT } from '../cost/step-numbers';
import { APIC_TPR } from '../hardware/apic/registers';
import { BLOCKING_BY_NMI } from '../hardware/cpu/activity';
import {
  CPU_ATTENTION,
  CPU_GPR,
  CPU_MAPPINGS_KNOWN,
  CPU_MARK_BRANCH,
  CPU_MODE,
  CPU_MONITORED_LINE,
  CPU_NMI_BLOCKED,
  CPU_PLE_FIRST,
  CPU_PLE_LAST,
  CPU_PLE_ON,
  CPU_RECOGNIZED,
  CPU_RIP,
  CPU_RVI,
  CPU_SVI,
  CPU_VIRTUAL_APIC_PAGE,
  MODE_64,
  NO_LINE,
  ORDER_RAM,
  VIRTUALIZE_INTERRUPT_DELIVERY,
  VIRTUALIZE_TPR_SHADOW,
} from '../hardware/cpu/layout';
import { RFLAGS_IF } from '../hardware/cpu/rflags';
import {
  VMCS_ENTRY_INTERRUPTION,
  VMCS_EXIT_ERROR_CODE,
  VMCS_EXIT_INSTRUCTION_LENGTH,
  VMCS_EXIT_INTERRUPTION,
  VMCS_EXIT_QUALIFICATION,
  VMCS_EXIT_REASON,
  VMCS_GUEST_ACTIVITY,
  VMCS_GUEST_DR7,
  VMCS_GUEST_INTERRUPTIBILITY,
  VMCS_GUEST_INTERRUPT_STATUS,
  VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS,
  VMCS_GUEST_RFLAGS,
  VMCS_GUEST_RIP,
  VMCS_GUEST_RSP,
  VMCS_GUEST_UINV,
  VMCS_IDT_VECTORING,
} from '../hardware/vmx/vmcs-layout';
import { charge } from './cost';
import { getFlags } from './flags';
import { hold } from './lines';
import { begin, DONE, PASS, settle, WAIT } from './microcode';
import { evaluatePendingVirtualInterrupts, isTprBelowThreshold, virtualizePpr, virtualizes } from './virtual-apic';

const RSP = CPU_GPR + 32;
const INTERRUPTION_VALID: u32 = 1 << 31;
/** With type 0, external interrupt, and no error code. */
const INTERRUPTION_VECTOR: u32 = 0xff;
/** No breakpoint, nothing detected. */
const DR7_FIXED: u64 = 1 << 10;

// @ts-ignore: decorator
@inline
function region(vmcs: u32): usize {
  return load<u32>(ORDER_RAM) + vmcs;
}

/**
 * A VM exit that interrupts no delivery, out of an active guest without breakpoints and with nothing blocked, but perhaps virtual
 * NMIs, or pending. False: NMIs are blocked that are not virtual, and nothing has happened. `vmcs` is the physical address of the
 * region.
 */
export function leaveGuest(
  cpu: usize,
  vmcs: u32,
  reason: u32,
  qualification: f64,
  length: u32,
  interruption: u32,
  errorCode: u32,
  virtualNmis: bool,
): bool {
  if (load<u32>(cpu, CPU_NMI_BLOCKED) != 0 && !virtualNmis) return false;
  charge(cpu, STEP_VM_EXIT);
  const at = region(vmcs);
  store<u32>(at, reason, VMCS_EXIT_REASON);
  store<i64>(at, i64(qualification), VMCS_EXIT_QUALIFICATION);
  store<u32>(at, interruption, VMCS_EXIT_INTERRUPTION);
  store<u32>(at, errorCode, VMCS_EXIT_ERROR_CODE);
  store<u32>(at, 0, VMCS_IDT_VECTORING);
  store<u32>(at, length, VMCS_EXIT_INSTRUCTION_LENGTH);
  store<u32>(at, load<u32>(at, VMCS_ENTRY_INTERRUPTION) & ~INTERRUPTION_VALID, VMCS_ENTRY_INTERRUPTION);
  saveGuest(cpu, at);
  store<u32>(cpu, 0, CPU_MARK_BRANCH);
  store<f64>(cpu, NO_LINE, CPU_MONITORED_LINE);
  return true;
}

function saveGuest(cpu: usize, at: usize): void {
  store<u64>(at, load<u64>(cpu, CPU_RIP), VMCS_GUEST_RIP);
  store<u64>(at, load<u64>(cpu, RSP), VMCS_GUEST_RSP);
  store<u64>(at, getFlags(cpu), VMCS_GUEST_RFLAGS);
  store<u32>(at, load<u32>(cpu, CPU_NMI_BLOCKED) * BLOCKING_BY_NMI, VMCS_GUEST_INTERRUPTIBILITY);
  store<u32>(cpu, 0, CPU_NMI_BLOCKED);
  store<u32>(at, 0, VMCS_GUEST_ACTIVITY);
  store<u64>(at, 0, VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS);
  store<u64>(at, DR7_FIXED, VMCS_GUEST_DR7);
  store<u32>(at, 0, VMCS_GUEST_UINV);
  if (virtualizes(cpu, VIRTUALIZE_INTERRUPT_DELIVERY)) {
    store<u32>(at, (load<u32>(cpu, CPU_SVI) << 8) | load<u32>(cpu, CPU_RVI), VMCS_GUEST_INTERRUPT_STATUS);
  }
}

/**
 * VM entry to the guest that `leaveGuest` has left last; the host injects. PASS: there may be a check to fail, or a VM exit to
 * follow, and nothing but a charge has happened. WAIT; DONE: the guest runs.
 */
export function resumeGuest(cpu: usize, vmcs: u32): u32 {
  const at = region(vmcs);
  if (!canInject(load<u32>(at, VMCS_ENTRY_INTERRUPTION), load<u32>(at, VMCS_GUEST_RFLAGS))) return PASS;
  if (!isRip(cpu, load<i64>(at, VMCS_GUEST_RIP))) return PASS;
  if (begin(cpu)) charge(cpu, STEP_VM_ENTRY);
  const delivers = virtualizes(cpu, VIRTUALIZE_INTERRUPT_DELIVERY);
  if (virtualizes(cpu, VIRTUALIZE_TPR_SHADOW)) {
    if (!hold(cpu, load<u32>(cpu, CPU_VIRTUAL_APIC_PAGE) + APIC_TPR, delivers)) return WAIT;
    if (!delivers && isTprBelowThreshold(cpu)) return PASS;
  }
  store<u32>(cpu, 0, CPU_MAPPINGS_KNOWN);
  store<u32>(cpu, load<u32>(at, VMCS_GUEST_INTERRUPTIBILITY) / BLOCKING_BY_NMI, CPU_NMI_BLOCKED);
  store<u64>(cpu, load<u64>(at, VMCS_GUEST_RIP), CPU_RIP);
  store<u64>(cpu, load<u64>(at, VMCS_GUEST_RSP), RSP);
  if (delivers) {
    const status = load<u32>(at, VMCS_GUEST_INTERRUPT_STATUS);
    store<u32>(cpu, status & 0xff, CPU_RVI);
    store<u32>(cpu, status >> 8, CPU_SVI);
    virtualizePpr(cpu);
    evaluatePendingVirtualInterrupts(cpu);
  }
  if (load<u32>(cpu, CPU_PLE_ON) != 0) {
    store<u64>(cpu, 0, CPU_PLE_FIRST);
    store<u64>(cpu, 0, CPU_PLE_LAST);
  }
  store<u32>(cpu, 1, CPU_ATTENTION);
  return settle(cpu, DONE);
}

/** Nothing is to be injected, or an external interrupt into a guest that takes it: 27.2.1.3 and 27.3.1.5 allow that. */
function canInject(interruption: u32, rflags: u32): bool {
  if ((interruption & INTERRUPTION_VALID) == 0) return true;
  return (interruption & ~INTERRUPTION_VECTOR) == INTERRUPTION_VALID && (rflags & RFLAGS_IF) != 0;
}

/** Bits 63:48 are equal in 64-bit mode, bits 63:32 are 0 in the others (27.3.1.4). */
function isRip(cpu: usize, rip: i64): bool {
  return load<u32>(cpu, CPU_MODE) == MODE_64 ? rip >> 48 == rip >> 63 : rip >> 32 == 0;
}
