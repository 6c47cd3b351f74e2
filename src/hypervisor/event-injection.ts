/**
 * Events on their way into the guest: requests at the top of the run loop (vcpu_enter_guest), injection through the
 * VM-entry interruption information (inject_pending_event, vmx_inject_irq, vmx_inject_nmi), and the recovery of an event
 * that an exit interrupted or that was not used (vmx_complete_interrupts, vmx_cancel_injection).
 *
 * With APICv the processor delivers interrupts itself; injection is for exceptions, NMIs and interrupted deliveries.
 */
import { STEP } from '../cost/step.js';
import { CR0_PE } from '../hardware/cpu/control-register-bits.js';
import { VECTOR_DB } from '../hardware/cpu/exception-vector.js';
import { RFLAGS_RF } from '../hardware/cpu/rflags.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import { INVEPT_SINGLE_CONTEXT, type VmxUnit } from '../hardware/vmx/vmx-unit.js';
import { interruptBlocked, nmiBlocked } from './halt.js';
import type { HostCpu } from './host-cpu.js';
import { acknowledgePic, loadEoiExitBitmap, picPending, scanIoApic } from './interrupt-chip.js';
import { APIC_IRR, APIC_ISR, APIC_TASKPRI } from './lapic/registers.js';
import { holdIrr, movePirToIrr } from './posted-interrupts.js';
import { traceInjection } from './tracepoints.js';
import {
  INTR_INFO_DELIVER_CODE,
  INTR_INFO_TYPE_MASK,
  INTR_INFO_VALID,
  INTR_INFO_VECTOR_MASK,
  INTR_TYPE_EXT_INTR,
  INTR_TYPE_NMI,
  INTR_TYPE_SOFT_EXCEPTION,
  INTR_TYPE_SOFT_INTR,
  KVM_REQ_APICV_UPDATE,
  KVM_REQ_EVENT,
  KVM_REQ_NMI,
  KVM_REQ_SCAN_IOAPIC,
  KVM_REQ_TLB_FLUSH,
  KVM_REQ_UNBLOCK,
} from './vcpu.js';

const BLOCKED_BY_NMI = 1 << 3;
const NMI_VECTOR = 2;
/** #DB, #BP, #OF; #DF, #MC: exceptions that are no faults (exception_type). */
const TRAPS_AND_ABORTS: readonly number[] = [VECTOR_DB, 3, 4, 8, 18];
const DR7_GD = 1 << 13;

/** Run-loop step 1: requests that other CPUs or exit handlers have made. False: wait. */
export function handleRequests(host: HostCpu): boolean {
  const { cpu, vcpu, vm } = host;
  if (cpu.clock.mustWait(cpu)) return false;
  if (vcpu.requests === 0) return true;
  if ((vcpu.requests & KVM_REQ_TLB_FLUSH) !== 0) {
    cpu.vmx.invept(INVEPT_SINGLE_CONTEXT, vm.mmu.eptPointer);
    vcpu.requests &= ~KVM_REQ_TLB_FLUSH;
  }
  if ((vcpu.requests & KVM_REQ_NMI) !== 0) processNmi(host);
  if ((vcpu.requests & KVM_REQ_SCAN_IOAPIC) !== 0 && !scanIoApic(host)) return false;
  vcpu.requests &= ~KVM_REQ_UNBLOCK;
  return (vcpu.requests & KVM_REQ_APICV_UPDATE) === 0 || updateApicv(host);
}

/** process_nmi: one NMI can be handled while another is latched; more are lost. */
function processNmi({ cpu, vcpu }: HostCpu): void {
  const blocked = (cpu.vmx.vmread(VMCS_FIELD.GUEST_INTERRUPTIBILITY_INFO) & BLOCKED_BY_NMI) !== 0;
  const limit = blocked || isNmi(vcpu.event.info) ? 1 : 2;
  vcpu.nmiPending = Math.min(limit, vcpu.nmiPending + vcpu.nmiQueued);
  vcpu.nmiQueued = 0;
  vcpu.requests = (vcpu.requests & ~KVM_REQ_NMI) | KVM_REQ_EVENT;
}

function isNmi(info: number): boolean {
  return (info & INTR_INFO_VALID) !== 0 && (info & INTR_INFO_TYPE_MASK) === INTR_TYPE_NMI;
}

/** kvm_vcpu_update_apicv: nothing posted so far may be lost on the way. */
function updateApicv(host: HostCpu): boolean {
  const { vcpu, vm } = host;
  const active = vm.inhibits.activated && vcpu.apic.enabled;
  if (active !== vcpu.apicvActive && !movePirToIrr(host)) return false;
  vcpu.requests &= ~KVM_REQ_APICV_UPDATE;
  if (active === vcpu.apicvActive) return true;
  vcpu.apicvActive = active;
  vcpu.vmcs.refreshApicv(active);
  if (active) {
    loadInterruptStatus(host);
    loadEoiExitBitmap(host);
  } else vcpu.requests |= KVM_REQ_EVENT;
  return true;
}

/** RVI and SVI from the register page. */
function loadInterruptStatus(host: HostCpu): void {
  const { page } = host.vcpu.apic;
  const rvi = Math.max(0, page.highestVector(APIC_IRR));
  const svi = Math.max(0, page.highestVector(APIC_ISR));
  host.cpu.vmx.vmwrite(VMCS_FIELD.GUEST_INTR_STATUS, (svi << 8) | rvi);
}

/** Run-loop step 2. False: wait. */
export function injectEvents(host: HostCpu): boolean {
  const { cpu, vcpu, vm } = host;
  if (vcpu.event.info === 0 && (vcpu.requests & KVM_REQ_EVENT) === 0) return true;
  if (!vcpu.apicvActive && !holdIrr(host, vcpu, true)) return false;
  if (vm.kernelDevices !== null && cpu.clock.mustWait(cpu)) return false;
  vcpu.requests &= ~KVM_REQ_EVENT;
  const injected = injectNmi(host, injectPendingEvent(host));
  if (!vcpu.apicvActive || picPending(host)) injectInterrupt(host, injected);
  return true;
}

function injectPendingEvent(host: HostCpu): boolean {
  const { event } = host.vcpu;
  if (event.info === 0) return false;
  if (event.raised) raiseException(host);
  inject(host, event.info, event.errorCode, event.length);
  traceInjection(host, event.info, true);
  event.info = 0;
  return true;
}

/**
 * What an exception does to RFLAGS, DR6 and DR7 before it is delivered (kvm_deliver_exception_payload). In real-address
 * mode it has no error code (kvm_multiple_exception).
 */
function raiseException({ cpu, vcpu }: HostCpu): void {
  const { event } = vcpu;
  const vector = event.info & INTR_INFO_VECTOR_MASK;
  event.raised = false;
  if ((cpu.vmx.vmread(VMCS_FIELD.GUEST_CR0) & CR0_PE) === 0) event.info &= ~INTR_INFO_DELIVER_CODE;
  if (!TRAPS_AND_ABORTS.includes(vector)) setFlag(cpu.vmx, VMCS_FIELD.GUEST_RFLAGS, RFLAGS_RF, true);
  if (vector !== VECTOR_DB) return;
  cpu.dr.report(event.payload);
  setFlag(cpu.vmx, VMCS_FIELD.GUEST_DR7, DR7_GD, false);
}

function setFlag(vmx: VmxUnit, field: number, flag: number, isSet: boolean): void {
  const value = vmx.vmread(field);
  const changed = (isSet ? value | flag : value & ~flag) >>> 0;
  if (changed !== value) vmx.vmwrite(field, changed);
}

/** Injects an NMI unless it is blocked or `occupied` by another event; what is left waits for an NMI window. */
function injectNmi(host: HostCpu, occupied: boolean): boolean {
  const { vcpu } = host;
  if (vcpu.nmiPending === 0) return occupied;
  const injects = !occupied && !nmiBlocked(host);
  if (injects) {
    vcpu.nmiPending--;
    inject(host, INTR_INFO_VALID | INTR_TYPE_NMI | NMI_VECTOR, 0, 0);
  }
  if (vcpu.nmiPending !== 0) vcpu.vmcs.setNmiWindow(true);
  return occupied || injects;
}

/**
 * An interrupt of the PIC, or without APICv the local APIC's deliverable one, which goes from IRR to ISR. If the guest
 * blocks it, or another event goes first, it waits for an interrupt window.
 */
function injectInterrupt(host: HostCpu, occupied: boolean): void {
  const mayInject = !occupied && !interruptBlocked(host);
  const vector = mayInject ? takeInterrupt(host) : -1;
  if (vector >= 0) {
    const info = INTR_INFO_VALID | INTR_TYPE_EXT_INTR | vector;
    inject(host, info, 0, 0);
    traceInjection(host, info, false);
  }
  if (hasInjectableInterrupt(host)) openWindow(host);
  if (!host.vcpu.apicvActive) updateTprThreshold(host);
}

/** kvm_cpu_get_interrupt */
function takeInterrupt(host: HostCpu): number {
  const { apic, apicvActive } = host.vcpu;
  if (picPending(host)) return acknowledgePic(host);
  return !apicvActive && apic.acceptsInterrupts ? apic.acknowledge() : -1;
}

/** kvm_cpu_has_injectable_intr */
function hasInjectableInterrupt(host: HostCpu): boolean {
  const { apic, apicvActive } = host.vcpu;
  return picPending(host) || (!apicvActive && apic.acceptsInterrupts && apic.page.deliverableVector >= 0);
}

function openWindow(host: HostCpu): void {
  host.vcpu.vmcs.setInterruptWindow(true);
}

/** update_cr8_intercept: the guest exits when it lowers its TPR below the class of the highest request. */
function updateTprThreshold(host: HostCpu): void {
  const { vmx } = host.cpu;
  const { page } = host.vcpu.apic;
  const requestClass = page.highestVector(APIC_IRR) >> 4;
  const threshold = requestClass < 0 || (page.read(APIC_TASKPRI) & 0xff) >>> 4 < requestClass ? 0 : requestClass;
  if (vmx.vmread(VMCS_FIELD.TPR_THRESHOLD) !== threshold) vmx.vmwrite(VMCS_FIELD.TPR_THRESHOLD, threshold);
}

/** S20: fills in the VM-entry interruption information. */
function inject(host: HostCpu, info: number, errorCode: number, length: number): void {
  const { cpu } = host;
  cpu.charge(STEP.EVENT_INJECTION);
  cpu.vmx.vmwrite(VMCS_FIELD.VM_ENTRY_INTR_INFO_FIELD, info >>> 0);
  if ((info & INTR_INFO_DELIVER_CODE) !== 0) cpu.vmx.vmwrite(VMCS_FIELD.VM_ENTRY_EXCEPTION_ERROR_CODE, errorCode);
  if (isSoftwareEvent(info)) cpu.vmx.vmwrite(VMCS_FIELD.VM_ENTRY_INSTRUCTION_LEN, length);
}

function isSoftwareEvent(info: number): boolean {
  const type = info & INTR_INFO_TYPE_MASK;
  return type === INTR_TYPE_SOFT_INTR || type === INTR_TYPE_SOFT_EXCEPTION;
}

/** After an exit: an event whose delivery it interrupted is delivered again. */
export function completeInterrupts(host: HostCpu): void {
  const { vmx } = host.cpu;
  const info = vmx.vmreadLow(VMCS_FIELD.IDT_VECTORING_INFO_FIELD);
  if ((info & INTR_INFO_VALID) === 0) return;
  requeue(host, info, VMCS_FIELD.IDT_VECTORING_ERROR_CODE, VMCS_FIELD.VM_EXIT_INSTRUCTION_LEN);
  if (isNmi(info)) unblockNmi(host);
}

/** vmx_set_nmi_mask: an NMI that is injected again must find NMIs open. */
function unblockNmi({ cpu }: HostCpu): void {
  const blocking = cpu.vmx.vmread(VMCS_FIELD.GUEST_INTERRUPTIBILITY_INFO);
  cpu.vmx.vmwrite(VMCS_FIELD.GUEST_INTERRUPTIBILITY_INFO, blocking & ~BLOCKED_BY_NMI);
}

/** The entry does not take place: what was to be injected stays pending. */
export function cancelInjection(host: HostCpu): void {
  const { vmx } = host.cpu;
  const info = vmx.vmread(VMCS_FIELD.VM_ENTRY_INTR_INFO_FIELD);
  if ((info & INTR_INFO_VALID) === 0) return;
  requeue(host, info, VMCS_FIELD.VM_ENTRY_EXCEPTION_ERROR_CODE, VMCS_FIELD.VM_ENTRY_INSTRUCTION_LEN);
  vmx.vmwrite(VMCS_FIELD.VM_ENTRY_INTR_INFO_FIELD, 0);
}

function requeue(host: HostCpu, info: number, errorCodeField: number, lengthField: number): void {
  const { cpu, vcpu } = host;
  vcpu.event.info = info & (INTR_INFO_VALID | INTR_INFO_DELIVER_CODE | INTR_INFO_TYPE_MASK | INTR_INFO_VECTOR_MASK);
  vcpu.event.errorCode = cpu.vmx.vmread(errorCodeField);
  vcpu.event.length = cpu.vmx.vmread(lengthField);
  vcpu.event.raised = false;
}
