/**
 * The tracepoints of KVM (trace.h, kvm.h in include/trace/events), in the order of Linux 6.3 whatever version of KVM the
 * model follows. Without a trace each is a look at one field.
 *
 * Left out: tracepoints of what has no exit of its own here (page faults, emulation, nested VMX), and those that only
 * repeat a VM exit (CPUID, ports, hypercalls).
 */
import { exitReasonName } from '../hardware/vmx/exit-reason-name.js';
import {
  EXIT_REASON_APIC_WRITE,
  EXIT_REASON_BASIC_MASK,
  EXIT_REASON_FAILED_VMENTRY,
  EXIT_REASON_MSR_WRITE,
} from '../hardware/vmx/exit-reason.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import type { HostCpu } from './host-cpu.js';
import { APIC_BASE_MSR, APIC_ICR } from './lapic/registers.js';
import {
  INTR_INFO_TYPE_MASK,
  INTR_INFO_VECTOR_MASK,
  INTR_TYPE_EXT_INTR,
  INTR_TYPE_SOFT_INTR,
  type Vcpu,
} from './vcpu.js';

const F = VMCS_FIELD;
const RAX = 0;
const RCX = 1;
const RDX = 2;

/** trace_kvm_entry */
export function traceEntry({ cpu, vcpu }: HostCpu): void {
  cpu.trace?.({ name: 'kvm_entry', vcpu: vcpu.id, rip: cpu.vmx.vmread(F.GUEST_RIP) });
}

/** trace_kvm_exit, with what vmx_get_exit_info gives: nothing but the reason for an entry that failed. */
export function traceExit({ cpu, vcpu }: HostCpu): void {
  if (cpu.trace === null) return;
  const { vmx } = cpu;
  const reason = vmx.vmread(F.VM_EXIT_REASON);
  const failedEntry = (reason & EXIT_REASON_FAILED_VMENTRY) !== 0;
  const unlessFailed = (field: number): number => (failedEntry ? 0 : vmx.vmread(field));
  cpu.trace({
    name: 'kvm_exit',
    vcpu: vcpu.id,
    reason: reason & EXIT_REASON_BASIC_MASK,
    reasonName: exitReasonName(reason),
    failedEntry,
    rip: vmx.vmread(F.GUEST_RIP),
    info1: vmx.vmread(F.EXIT_QUALIFICATION),
    info2: unlessFailed(F.IDT_VECTORING_INFO_FIELD),
    interruption: unlessFailed(F.VM_EXIT_INTR_INFO),
    errorCode: unlessFailed(F.VM_EXIT_INTR_ERROR_CODE),
  });
}

/** trace_kvm_apic_read and trace_kvm_apic_write */
export function traceApic({ cpu }: HostCpu, write: boolean, register: number, low: number, high = 0): void {
  cpu.trace?.({ name: 'kvm_apic', write, register, value: quadword(high, low) });
}

/** trace_kvm_msr_read and trace_kvm_msr_write of the access that caused the exit; `fails`: the _ex forms, it is #GP. */
export function traceMsr({ cpu, vcpu }: HostCpu, fails = false): void {
  if (cpu.trace === null) return;
  const write = vcpu.exitReason === EXIT_REASON_MSR_WRITE;
  const value = fails && !write ? 0n : quadword(cpu.gprLow(RDX), cpu.gprLow(RAX));
  cpu.trace({ name: 'kvm_msr', write, msr: cpu.gprLow(RCX), value, exception: fails });
}

/** trace_kvm_apic_ipi for the request in `host.request`. */
export function traceApicIpi({ cpu, request }: HostCpu): void {
  cpu.trace?.({ name: 'kvm_apic_ipi', icr: request.toIcr(), destination: request.destination });
}

/** trace_kvm_apic_accept_irq */
export function traceAccept({ cpu, request }: HostCpu, target: Vcpu): void {
  if (cpu.trace === null) return;
  const { vector, deliveryMode, levelTriggered } = request;
  cpu.trace({ name: 'kvm_apic_accept_irq', apicId: target.id, deliveryMode, levelTriggered, vector });
}

/** trace_kvm_apicv_accept_irq */
export function traceApicvAccept({ cpu, request }: HostCpu, target: Vcpu): void {
  if (cpu.trace === null) return;
  const { vector, deliveryMode, levelTriggered } = request;
  cpu.trace({ name: 'kvm_apicv_accept_irq', apicId: target.id, deliveryMode, levelTriggered, vector });
}

/** What comes behind the delivery of an IPI: the ICR of x2APIC mode, and the MSR that it was written through. */
export function traceIcrSent(host: HostCpu): void {
  const { cpu, vcpu } = host;
  if (cpu.trace === null) return;
  const { apic, exitReason } = vcpu;
  const isMsr = exitReason === EXIT_REASON_MSR_WRITE;
  const register = isMsr ? (cpu.gprLow(RCX) - APIC_BASE_MSR) << 4 : vcpu.exitQualification & 0xff0;
  const isIcr = register === APIC_ICR && (isMsr || exitReason === EXIT_REASON_APIC_WRITE);
  if (isIcr && apic.x2apic) traceApic(host, true, APIC_ICR, apic.icrLow, apic.icrHigh);
  if (isMsr) traceMsr(host);
}

/** trace_kvm_eoi */
export function traceEoi({ cpu, vcpu }: HostCpu, vector: number): void {
  cpu.trace?.({ name: 'kvm_eoi', apicId: vcpu.id, vector });
}

/** trace_kvm_inj_virq, if what is injected is an interrupt; `info` is the VM-entry interruption information. */
export function traceInjection({ cpu }: HostCpu, info: number, reinjected: boolean): void {
  const type = info & INTR_INFO_TYPE_MASK;
  const soft = type === INTR_TYPE_SOFT_INTR;
  if (!soft && type !== INTR_TYPE_EXT_INTR) return;
  cpu.trace?.({ name: 'kvm_inj_virq', vector: info & INTR_INFO_VECTOR_MASK, soft, reinjected });
}

/** trace_kvm_vcpu_wakeup; every wake-up here has a cause, so every one is valid. */
export function traceWakeup({ cpu }: HostCpu, ns: number, waited: boolean): void {
  cpu.trace?.({ name: 'kvm_vcpu_wakeup', ns, waited, valid: true });
}

/** trace_kvm_apicv_inhibit_changed */
export function traceInhibit({ cpu, vm }: HostCpu, reason: number): void {
  cpu.trace?.({ name: 'kvm_apicv_inhibit_changed', reason, set: true, inhibits: vm.inhibits.reasons });
}

function quadword(high: number, low: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
