/**
 * Names of everything that costs cycles.
 *
 * A step is charged where it happens (`cpu.charge(STEP.VM_EXIT)`); its value comes from a profile. The letters in
 * brackets are the micro-steps of docs/cost-model.md: G guest instruction, H hardware, S host software.
 */
export const STEP_NAMES = [
  // guest instructions with a name of their own (plain ones are charged by instruction class)
  'rdtsc', //                    RDTSC, RDTSCP
  'locked-rmw', //               LOCK-prefixed operation or XCHG with memory, line owned
  'mfence', //                   MFENCE
  'pause', //                    PAUSE
  'spin-exit', //                a spin loop ends: memory-ordering clear and mispredicted branch
  'iretq', //                    IRETQ
  'native-rdmsr', //             RDMSR that neither exits nor is virtualized
  'native-wrmsr', //             WRMSR that neither exits nor is virtualized
  'native-cpuid', //             CPUID outside VMX operation
  'clui', //                     CLUI, TESTUI
  'stui', //                     STUI
  'uiret', //                    UIRET

  // hardware
  'line-transfer', //            a cache line moves between CPUs; scaled by distance
  'ipi-flight', //               H10 the physical IPI on the interconnect; scaled by distance
  'apic-page-read', //           H1  APIC-access page detection and virtualized read
  'apic-page-write', //          H2  virtualized store and APIC-write emulation check
  'virtualized-msr-read', //     RDMSR 800H-8FFH served from the virtual-APIC page
  'virtualized-msr-write', //    WRMSR 808H, 80BH, 83FH served by the virtual-APIC page
  'eoi-virtualization', //       H13
  'self-ipi-virtualization',
  'ipiv-eligibility', //         H6  eligibility check and PID-pointer load
  'ipiv-pir-set', //             H7  locked PIR set
  'ipiv-on-update', //           H8  locked update of the notify information
  'ipiv-icr-write', //           H9  physical ICR write by microcode
  'senduipi-lookup', //          UITT entry and UPID update, net of the notification
  'user-interrupt-notification', // user-interrupt notification processing (UPID to UIRR)
  'user-interrupt-delivery',
  'interrupt-recognition', //    pipeline flush and microcode entry for a physical interrupt
  'pi-processing', //            H11 posted-interrupt processing
  'virtual-interrupt-delivery', // H12 VISR, SVI, RVI, VPPR
  'idt-delivery', //             H12 event delivery through the IDT, same privilege
  'stack-switch', //             extra of a delivery that changes CPL
  'vm-exit', //                  H4
  'vm-entry', //                 H5
  'hlt-wake', //                 leaving HLT in the core (C1 exit)
  'mwait-wake', //               leaving MWAIT in the core

  // host software (KVM)
  'exit-stub', //                S1  registers saved, exit reason and qualification read
  'fastpath-routing', //         S2  fastpath switch and WRMSR decode
  'exit-tail', //                S3  run-loop tail up to interrupts on
  'exit-dispatch', //            S4  slow dispatch to the handler
  'apic-write-handler', //       S5  APIC-write handler and register-write path
  'ipi-request', //              S6  build the request
  'apic-map-lookup', //          S7
  'apic-accept', //              S8
  'pir-post', //                 S9  PIR test-and-set, line owned
  'on-post', //                  S10 ON test-and-set and target-mode check, line owned
  'notification-send', //        S11 host x2APIC: fences and WRMSR ICR
  'notification-send-xapic', //  S11 host xAPIC: busy poll and two MMIO writes
  'skip-instruction', //         S12
  'entry-preparation', //        S13 run loop steps 1-10
  'pir-sync', //                 S14
  'thread-wakeup', //            S15 scheduler wake-up of a vCPU thread, by the waker
  'context-switch', //           S15 switch to the woken thread
  'idle-wake', //                S15 the idle host CPU leaves its C-state
  'pi-load', //                  S15 descriptor re-pointed at this CPU
  'halt-poll-iteration', //      S16
  'hlt-handler', //              S17 HLT exit handling
  'vcpu-block', //               S17 block: thread scheduled out
  'pi-put', //                   S17 descriptor prepared for blocking
  'wakeup-handler', //           S18 F1H handler: list walk and wake
  'instruction-emulation', //    S19 decode and MMIO dispatch
  'event-injection', //          S20
  'reschedule-kick', //          S21 kick of a vCPU in guest mode or its wait queue
  'host-irq-entry', //           S22 host IDT entry and exit in root mode
  'notification-handler', //     S22 F2H handler
  'reschedule-handler', //       S21 FDH handler
  'host-eoi', //                 EOI to the physical local APIC
  'cpuid-handler',
  'hypercall-handler',
  'msr-handler',
  'fast-eoi-handler', //         exit 44, linear write to 0B0H
  'eoi-induced-handler',
  'cr-access-handler',
  'interrupt-window-handler',
  'pause-handler',
  'ept-violation-handler',
  'timer-program', //             start_apic_timer, cancel_apic_timer
  'preemption-timer-load', //     vmx_update_hv_timer
  'hrtimer-start', //             host timer armed for a virtual APIC timer
  'hrtimer-interrupt', //         the host timer interrupt behind its entry
  'timer-expiry', //              apic_timer_expired
  'vcpu-reset', //                kvm_vcpu_reset at INIT
  'nmi-window-handler',
  'dr-access-handler',
  'wbinvd-handler',
  'kernel-port-io', //            a device that KVM itself emulates
  'eventfd-signal', //            ioeventfd_write
  'irq-line', //                  KVM_IRQ_LINE by user space: system call, PIC and I/O APIC
  'ioapic-scan', //               vcpu_scan_ioapic
  'user-space-exit', //          to the VMM process and back, on top of a kernel exit
  'mitigation-exit', //          speculation controls after an exit
  'mitigation-entry', //         speculation controls before an entry
] as const;

export type StepName = (typeof STEP_NAMES)[number];

type Upper<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Uppercase<Head>}_${Upper<Tail>}`
  : Uppercase<S>;

/** The index of each name of a tuple, by the name in capitals. */
type Indices<Names extends readonly string[]> = {
  readonly [I in keyof Names & `${number}` as Upper<Names[I] & string>]: I extends `${infer N extends number}`
    ? N
    : never;
};

/** Index of each step in a cost table: `STEP.VM_EXIT`, `STEP.PI_PROCESSING`, ... */
export const STEP = Object.fromEntries(
  STEP_NAMES.map((name, index) => [name.toUpperCase().replaceAll('-', '_'), index]),
) as Indices<typeof STEP_NAMES>;

/** Plain guest instructions are charged by class; values are ticks (1/64 cycle), see the profile. */
export const INSTRUCTION_CLASSES = [
  'alu', //        register ALU, MOV, LEA, SETcc, CMOVcc, NOP
  'load', //       extra of a memory source
  'store', //      extra of a memory destination
  'branch', //     JMP, Jcc, CALL, RET
  'multiply',
  'divide',
  'shift', //      shifts, rotates, bit scans
  'string', //     per element
  'system', //     everything that has no step of its own: LGDT, MOV CR, CLI, STI, ...
] as const;

export type InstructionClass = (typeof INSTRUCTION_CLASSES)[number];

/** Steps that the interpreter charges itself: their ticks stand in its records. */
const RECORDED: readonly StepName[] = ['rdtsc', 'locked-rmw', 'mfence', 'pause'];
const MOST_RECORDED_TICKS = 0xffff;

/** The most that a step may cost, in cycles. */
export function mostCycles(name: StepName): number {
  return RECORDED.includes(name) ? Math.floor(MOST_RECORDED_TICKS / TICKS_PER_CYCLE) : Infinity;
}

/** What a machine needs of a profile: plain numbers, ready to be charged. */
export interface CostTable {
  /** Ticks per step, by step index. Distance-scaled steps hold the value for one core to another on the same socket. */
  readonly stepTicks: Float64Array;
  /** Ticks per instruction, by index into INSTRUCTION_CLASSES. */
  readonly classTicks: Uint16Array;
  /** Ticks a cache line is busy with one transfer, so that queued requests follow each other. */
  readonly lineOccupancyTicks: number;
  /** Factors on `line-transfer` and `ipi-flight`, by distance: SMT sibling, same socket, other socket. */
  readonly lineDistance: readonly [sibling: number, socket: number, remote: number];
  readonly flightDistance: readonly [sibling: number, socket: number, remote: number];
}

/** Simulated time is counted in ticks. The TSC is the floor of ticks / TICKS_PER_CYCLE. */
export const TICKS_PER_CYCLE = 64;
