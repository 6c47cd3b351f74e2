/** Linux' system vectors that this model uses (asm/irq_vectors.h). */
export const POSTED_INTR_VECTOR = 0xf2;
export const POSTED_INTR_WAKEUP_VECTOR = 0xf1;
export const POSTED_INTR_NESTED_VECTOR = 0xf0;
export const RESCHEDULE_VECTOR = 0xfd;
