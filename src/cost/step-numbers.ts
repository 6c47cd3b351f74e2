/**
 * Numbers of the steps that the interpreter charges, for AssemblyScript, which cannot read them from STEP_NAMES. This file
 * is compiled by both tsc and asc: it holds constants only.
 */
export const STEP_LINE_TRANSFER = 12;
export const STEP_IPI_FLIGHT = 13;
export const STEP_APIC_PAGE_READ = 14;
export const STEP_APIC_PAGE_WRITE = 15;
export const STEP_VIRTUALIZED_MSR_WRITE = 17;
export const STEP_EOI_VIRTUALIZATION = 18;
export const STEP_SELF_IPI_VIRTUALIZATION = 19;
export const STEP_IPIV_ELIGIBILITY = 20;
export const STEP_IPIV_PIR_SET = 21;
export const STEP_IPIV_ON_UPDATE = 22;
export const STEP_IPIV_ICR_WRITE = 23;
export const STEP_INTERRUPT_RECOGNITION = 27;
export const STEP_PI_PROCESSING = 28;
export const STEP_VIRTUAL_INTERRUPT_DELIVERY = 29;
export const STEP_IDT_DELIVERY = 30;
export const STEP_STACK_SWITCH = 31;
export const STEP_VM_EXIT = 32;
export const STEP_VM_ENTRY = 33;
export const STEP_HLT_WAKE = 34;
export const STEP_MWAIT_WAKE = 35;
