/**
 * Everything that a trace can show. Events named kvm_ are the tracepoints of Linux' kvm subsystem, reported where KVM
 * has them; events named ipiv_ are what no kernel sees: microcode, descriptors, the interconnect, the steps that cycles
 * are charged for.
 *
 * Values are as the architecture has them: `rip` and addresses signed and canonical, everything else unsigned.
 */

/** What the guest's write to its ICR came to: IPI virtualization, self-IPI virtualization, or a VM exit. */
export type IcrOutcome = 'posted' | 'self' | 'exit';

interface AcceptedInterrupt {
  readonly apicId: number;
  readonly deliveryMode: number;
  readonly levelTriggered: boolean;
  readonly vector: number;
}

/** Fields of each event, by its name. */
export interface TraceFields {
  /** KVM is about to enter the guest. */
  readonly kvm_entry: { readonly vcpu: number; readonly rip: number };
  /** KVM has read what the VM exit was; info1 is the exit qualification, info2 the IDT-vectoring information. */
  readonly kvm_exit: {
    readonly vcpu: number;
    readonly reason: number;
    readonly reasonName: string;
    readonly failedEntry: boolean;
    readonly rip: number;
    readonly info1: number;
    readonly info2: number;
    readonly interruption: number;
    readonly errorCode: number;
  };
  /** A register of the virtual local APIC is read or written in software; `register` is its offset. */
  readonly kvm_apic: { readonly write: boolean; readonly register: number; readonly value: bigint };
  readonly kvm_apic_ipi: { readonly icr: number; readonly destination: number };
  readonly kvm_apic_accept_irq: AcceptedInterrupt;
  /** The interrupt went through the posted-interrupt descriptor. */
  readonly kvm_apicv_accept_irq: AcceptedInterrupt;
  readonly kvm_msr: {
    readonly write: boolean;
    readonly msr: number;
    readonly value: bigint;
    readonly exception: boolean;
  };
  /** An EOI that software handles or hears of; -1 when nothing was in service. */
  readonly kvm_eoi: { readonly apicId: number; readonly vector: number };
  readonly kvm_inj_virq: { readonly vector: number; readonly soft: boolean; readonly reinjected: boolean };
  /** The end of a halt; `waited` tells blocking from polling. */
  readonly kvm_vcpu_wakeup: { readonly ns: number; readonly waited: boolean; readonly valid: boolean };
  readonly kvm_apicv_inhibit_changed: { readonly reason: number; readonly set: boolean; readonly inhibits: number };

  /** The guest has written its ICR, and the processor has dealt with it. */
  readonly ipiv_icr_write: { readonly icr: bigint; readonly outcome: IcrOutcome };
  /** PIR[vector] := 1 in the descriptor at a host-physical address. */
  readonly ipiv_pir_set: { readonly descriptor: number; readonly vector: number; readonly wasSet: boolean };
  /** All requests were taken out of the PIR. */
  readonly ipiv_pir_taken: { readonly descriptor: number };
  readonly ipiv_on: { readonly descriptor: number; readonly on: boolean };
  /** A physical IPI leaves for CPU `to`. */
  readonly ipiv_ipi_sent: { readonly to: number; readonly vector: number };
  readonly ipiv_ipi_arrived: { readonly from: number; readonly vector: number };
  /** Posted-interrupt processing has ended. */
  readonly ipiv_pi_processed: { readonly rvi: number };
  /** Virtual-interrupt delivery: the vector goes to the guest's IDT. */
  readonly ipiv_delivery: { readonly vector: number };
  /** EOI virtualization. */
  readonly ipiv_eoi: { readonly vector: number };
  /** The core sleeps, in HLT or MWAIT. */
  readonly ipiv_halt: { readonly instruction: 'hlt' | 'mwait' };
  readonly ipiv_wake: object;
  /** The vCPU's thread is scheduled out, and in again. */
  readonly ipiv_sched_out: { readonly vcpu: number };
  readonly ipiv_sched_in: { readonly vcpu: number };
  /** A step has ended that took `ticks`. */
  readonly ipiv_step: { readonly step: string; readonly ticks: number };
  /** A guest instruction has ended that took `ticks`, without idle passes and sleep; `text` is its disassembly. */
  readonly ipiv_instruction: { readonly rip: number; readonly ticks: number; readonly text: string };
}

/** Name of an event. */
export type TraceEventName = keyof TraceFields;

/** An event: its name and its fields. */
export type TraceEvent = {
  readonly [Name in TraceEventName]: { readonly name: Name } & TraceFields[Name];
}[TraceEventName];

/** Takes what happens on one CPU, at that CPU's time. */
export type TraceSink = (event: TraceEvent) => void;

/** An event with its time, in ticks since the machine's reset, and the physical CPU on which it happened. */
export interface TraceRecord {
  readonly at: number;
  readonly cpu: number;
  readonly event: TraceEvent;
}
