/**
 * What the processor keeps of the VMCS while it virtualizes an APIC: the controls, addresses and guest-interrupt state
 * of SDM vol. 3, chapter 30 ("APIC virtualization and virtual interrupts"), in a form that costs nothing to consult.
 *
 * VM entry fills it from the VMCS and performs PPR virtualization and evaluation; VM exit writes RVI and SVI back.
 */

/** Controls of an inactive control word are false here, whatever the VMCS says. */
export interface VirtualizationState {
  /** Primary bit 21: use TPR shadow. */
  tprShadow: boolean;
  /** Secondary bit 0: virtualize APIC accesses. */
  virtualizeApicAccesses: boolean;
  /** Secondary bit 4: virtualize x2APIC mode. */
  virtualizeX2apic: boolean;
  /** Secondary bit 8: APIC-register virtualization. */
  apicRegisterVirtualization: boolean;
  /** Secondary bit 9: virtual-interrupt delivery. */
  virtualInterruptDelivery: boolean;
  /** Pin-based bit 7: process posted interrupts. */
  processPostedInterrupts: boolean;
  /** Tertiary bit 4: IPI virtualization. */
  ipiVirtualization: boolean;
  /** Pin-based bit 0: external-interrupt exiting. */
  externalInterruptExiting: boolean;
  /** Exit control 15: acknowledge interrupt on exit. */
  ackOnExit: boolean;
  /** Primary bit 2: interrupt-window exiting. */
  interruptWindowExiting: boolean;
  /** Primary bit 28: use MSR bitmaps. */
  useMsrBitmaps: boolean;

  /** Host-physical address of the virtual-APIC page (VMCS 2012H). */
  virtualApicPage: number;
  /** Host-physical address of the APIC-access page (VMCS 2014H); -1 without "virtualize APIC accesses". */
  apicAccessPage: number;
  /** Host-physical address of the posted-interrupt descriptor (VMCS 2016H). */
  descriptor: number;
  /** Host-physical address of the PID-pointer table (VMCS 2042H). */
  pidPointerTable: number;
  /** Host-physical address of the MSR bitmaps (VMCS 2004H). */
  msrBitmap: number;

  /** Last PID-pointer index (VMCS 0008H), inclusive. */
  lastPidPointerIndex: number;
  /** Posted-interrupt notification vector (VMCS 0002H). */
  notificationVector: number;
  /** TPR threshold (VMCS 401CH), bits 3:0. */
  tprThreshold: number;
  /** EOI-exit bitmap (VMCS 201CH-2023H), 32 vectors per word. */
  readonly eoiExitBitmap: Uint32Array;

  /** Requesting virtual interrupt: bits 7:0 of the guest interrupt status (VMCS 0810H). */
  rvi: number;
  /** Servicing virtual interrupt: bits 15:8 of the guest interrupt status. */
  svi: number;
  /** A pending virtual interrupt is recognized (SDM 30.2.1). */
  recognized: boolean;
}

/** All controls off, all addresses 0. */
export function createVirtualizationState(): VirtualizationState {
  return {
    tprShadow: false,
    virtualizeApicAccesses: false,
    virtualizeX2apic: false,
    apicRegisterVirtualization: false,
    virtualInterruptDelivery: false,
    processPostedInterrupts: false,
    ipiVirtualization: false,
    externalInterruptExiting: false,
    ackOnExit: false,
    interruptWindowExiting: false,
    useMsrBitmaps: false,
    virtualApicPage: 0,
    apicAccessPage: -1,
    descriptor: 0,
    pidPointerTable: 0,
    msrBitmap: 0,
    lastPidPointerIndex: 0,
    notificationVector: 0,
    tprThreshold: 0,
    eoiExitBitmap: new Uint32Array(8),
    rvi: 0,
    svi: 0,
    recognized: false,
  };
}
