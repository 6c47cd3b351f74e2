import type { Cpu } from './cpu.js';

/** The root-mode software waits for its turn: call it again when this CPU is next in order. */
export const ROOT_WAITS = 0;
/** VM entry succeeded: the CPU runs guest code until the next VM exit. */
export const ROOT_ENTERED_GUEST = 1;
/** The host is idle (HLT with interrupts enabled): call it again when the local APIC requests service. */
export const ROOT_IDLE = 2;
/** The software has nothing left to do on this CPU. */
export const ROOT_STOPPED = 3;

export type RootState = typeof ROOT_WAITS | typeof ROOT_ENTERED_GUEST | typeof ROOT_IDLE | typeof ROOT_STOPPED;

/**
 * Software that runs in VMX root operation but is a model instead of machine code. The hypervisor implements it, with
 * one generator per physical CPU; hardware only knows when to let it go on.
 *
 * VM exits need no call of their own: after one, the CPU is in root operation and `resume` continues behind the VM
 * entry, reading the exit from the VMCS. Physical interrupts stay in the local APIC until the software asks for them.
 */
export interface RootSoftware {
  resume(cpu: Cpu): RootState;
}
