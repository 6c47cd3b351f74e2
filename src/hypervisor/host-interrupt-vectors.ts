/** Linux' system vectors that this model uses (asm/irq_vectors.h). */

/** Notifications to running vCPUs (the VMCS holds it as well). */
export const POSTED_INTR_VECTOR = 0xf2;
/** Notifications to blocked vCPUs. */
export const POSTED_INTR_WAKEUP_VECTOR = 0xf1;
/** The physical APIC's timer: high-resolution timers of the host. */
export const LOCAL_TIMER_VECTOR = 0xec;
/** Makes a host CPU look at its run queue, and leave the guest. */
export const RESCHEDULE_VECTOR = 0xfd;
