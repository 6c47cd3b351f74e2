import type { Outcome } from './outcome.js';

/**
 * VMX non-root operation as the rest of the CPU sees it; implemented by hardware/vmx. `cpu.nonRoot` is null outside.
 *
 * Convention: PASS = not concerned, do what the CPU does outside VMX. REDIRECTED = a VM exit (or a delivery) happened.
 * Fault-like exits find RIP at the instruction; for trap-like ones the caller has retired it first.
 */
export interface NonRoot {
  /** There may be events at instruction boundaries that the interpreter does not know. */
  readonly takesBoundaries: boolean;
  /** "Enable RDTSCP": without it RDTSCP and RDPID are #UD. */
  readonly enablesRdtscp: boolean;
  /**
   * Events between two instructions, in the SDM's order: exits for INIT, NMI, windows, the preemption timer, physical
   * interrupts (exit or posted-interrupt processing), then delivery of a recognized virtual interrupt.
   * PASS = nothing happened: run the next instruction (or stay in HLT).
   */
  boundary(): Outcome;

  /**
   * An instruction that may exit. `reason` is the basic exit reason it would have, `qualification` the exit
   * qualification (SDM table 28-1 ff.); the implementation tests the controls and bitmaps. `info` is the VM-exit
   * instruction information, `length` the instruction length.
   */
  intercept(reason: number, qualification: number, length: number, info?: number): Outcome;

  /** RDMSR of `msr`: bitmap, then x2APIC virtualization. DONE = EDX:EAX set from the virtual-APIC page. */
  rdmsr(msr: number, length: number): Outcome;
  /** WRMSR of EDX:EAX = hi:lo: bitmap, then x2APIC virtualization. DONE = virtualized; FAULT = #GP in cpu.fault. REDIRECTED = exit (a trap-like APIC-write exit has moved RIP itself). */
  wrmsr(msr: number, hi: number, lo: number, length: number): Outcome;

  /** MOV from CR0/CR3/CR4: the value the guest sees (read shadow applied). */
  shadowedCr(cr: 0 | 4, actual: bigint): bigint;
  /** MOV to CR0/CR4 of a value that does not exit: the value for the register (host-owned bits kept). */
  mergedCr(cr: 0 | 4, actual: bigint, written: bigint): bigint;
  /** MOV from CR8: VTPR[7:4], or -1 = PASS. */
  readCr8(): number;
  /** MOV to CR8 with TPR shadow: DONE = VTPR written and TPR virtualization performed (the exit, if any, is pending for the boundary). */
  writeCr8(value: number, length: number): Outcome;

  /** An exception about to be delivered: PASS = deliver it through the guest's IDT. */
  exception(vector: number, errorCode: number | null, faultAddress: number, type: number, length: number): Outcome;
  tripleFault(): Outcome;

  /**
   * A linear access that translates to the APIC-access page. DONE = virtualized: perform the access at the same offset
   * of the page at host-physical address `virtualApicPage` (data of a write included), and after the instruction call
   * `apicWriteEmulation`. REDIRECTED = APIC-access VM exit. `access` is ACCESS_READ, ACCESS_WRITE, ACCESS_RMW or
   * ACCESS_FETCH (layout.ts).
   */
  apicAccess(offset: number, size: number, access: number): Outcome;
  /** Host-physical address of the virtual-APIC page. */
  readonly virtualApicPage: number;
  /** APIC-write emulation (SDM 30.4.3.2) after the instruction that wrote offset `offset`; DONE or REDIRECTED (trap-like exit, EOI-induced, TPR below threshold) or WAIT. */
  apicWriteEmulation(offset: number): Outcome;

  /** The VM exit that the interpreter has come to (CPU_EXIT_*). */
  finishExit(): Outcome;

  /** EPT violation or misconfiguration, as left in cpu.fault. */
  eptEvent(): Outcome;

  /** SENDUIPI's notification in non-root operation (SDM: virtualized with TPR shadow). PASS = send a physical IPI. */
  senduipi(notificationVector: number, notificationDestination: number): Outcome;
}
