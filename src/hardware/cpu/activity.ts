/*
 * What holds a CPU back between two instructions. This file is compiled by both tsc and asc: it holds constants only.
 */

/** Activity states: the first four as in the VMCS guest-state area. */
export const ACTIVITY_ACTIVE = 0;
export const ACTIVITY_HLT = 1;
export const ACTIVITY_SHUTDOWN = 2;
export const ACTIVITY_WAIT_FOR_SIPI = 3;
/** Not an architectural activity state: MWAIT is reported as active, but the CPU sleeps on a monitored line. */
export const ACTIVITY_MWAIT = 4;

/** Blocking of events, as in the VMCS interruptibility state. */
export const BLOCKING_BY_STI = 1;
export const BLOCKING_BY_MOV_SS = 2;
export const BLOCKING_BY_STI_OR_MOV_SS = BLOCKING_BY_STI | BLOCKING_BY_MOV_SS;
export const BLOCKING_BY_NMI = 8;
