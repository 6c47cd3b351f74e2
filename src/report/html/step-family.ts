/** Kinds of steps, each with a colour: what a reader tells apart at a glance. */
export const STEP_FAMILIES = {
  guest: 'guest code',
  lines: 'cache-line transfers',
  flight: 'IPI on the interconnect',
  apicv: 'APIC virtualization',
  ipiv: 'IPI virtualization',
  delivery: 'interrupt delivery',
  world: 'VM exit and entry',
  kvm: 'KVM',
  sleep: 'sleeping and waking',
  other: 'other steps',
} as const;

export type StepFamily = keyof typeof STEP_FAMILIES;

/** Every step by name, and what `explain` names besides; a result of another version may hold others. */
const MEMBERS: Readonly<Record<Exclude<StepFamily, 'other'>, string>> = {
  guest: `guest-instructions loop-phase rdtsc locked-rmw mfence pause spin-exit iretq native-rdmsr native-wrmsr
    native-cpuid clui stui uiret`,
  lines: 'line-transfer',
  flight: 'ipi-flight',
  apicv: `apic-page-read apic-page-write virtualized-msr-read virtualized-msr-write eoi-virtualization
    self-ipi-virtualization`,
  ipiv: 'ipiv-eligibility ipiv-pir-set ipiv-on-update ipiv-icr-write',
  delivery: `senduipi-lookup user-interrupt-notification user-interrupt-delivery interrupt-recognition pi-processing
    virtual-interrupt-delivery idt-delivery stack-switch`,
  world: 'vm-exit vm-entry vmx-instruction mitigation-exit mitigation-entry',
  kvm: `exit-stub fastpath-routing exit-tail exit-dispatch apic-write-handler ipi-request apic-map-lookup apic-accept
    pir-post on-post notification-send notification-send-xapic skip-instruction entry-preparation pir-sync hlt-handler
    instruction-emulation event-injection reschedule-kick host-irq-entry notification-handler reschedule-handler
    host-eoi cpuid-handler hypercall-handler msr-handler fast-eoi-handler eoi-induced-handler cr-access-handler
    interrupt-window-handler pause-handler ept-violation-handler timer-program preemption-timer-load hrtimer-start
    hrtimer-interrupt timer-expiry vcpu-reset nmi-window-handler dr-access-handler wbinvd-handler kernel-port-io
    eventfd-signal user-space-exit irq-line ioapic-scan`,
  sleep: `idle hlt-wake mwait-wake thread-wakeup context-switch idle-wake pi-load halt-poll-iteration vcpu-block pi-put
    wakeup-handler`,
};

const FAMILY_OF = new Map(
  Object.entries(MEMBERS).flatMap(([family, names]) =>
    names.split(/\s+/).map((name) => [name, family as StepFamily] as const),
  ),
);

/** The family of a step; `other` for one that this version does not know. */
export function familyOf(step: string): StepFamily {
  return FAMILY_OF.get(step) ?? 'other';
}
