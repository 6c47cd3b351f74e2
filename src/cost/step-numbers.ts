/**
 * Numbers of the steps that the interpreter charges, for AssemblyScript, which cannot read them from STEP_NAMES. This file
 * is compiled by both tsc and asc: it holds constants only.
 */
export const STEP_LINE_TRANSFER = 12;
export const STEP_IPI_FLIGHT = 13;
export const STEP_VIRTUALIZED_MSR_WRITE = 17;
export const STEP_EOI_VIRTUALIZATION = 18;
export const STEP_SELF_IPI_VIRTUALIZATION = 19;
export const STEP_IPIV_ELIGIBILITY = 20;
export const STEP_IPIV_PIR_SET = 21;
export const STEP_IPIV_ON_UPDATE = 22;
export const STEP_IPIV_ICR_WRITE = 23;
