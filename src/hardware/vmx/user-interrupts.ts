/**
 * User interrupts (SDM vol. 3, chapter 7): state, notification processing, delivery, and SENDUIPI.
 */

/** User-interrupt state of a logical processor. */
export class UserInterrupts {
  /** User-interrupt flag. */
  uif = false;
  /** User-interrupt request register, bits 31:0 and 63:32. */
  requestLow = 0;
  requestHigh = 0;
  /** IA32_UINTR_HANDLER. */
  handler = 0;
  /** IA32_UINTR_STACKADJUST: a canonical address, bit 0 selects replacing RSP. */
  stackAdjust = 0;
  /** IA32_UINTR_MISC bits 31:0: the highest index into the UITT. */
  tableSize = 0;
  /** IA32_UINTR_MISC bits 39:32: user-interrupt notification vector. */
  notificationVector = 0;
  /** IA32_UINTR_PD: linear address of this processor's UPID. */
  descriptor = 0;
  /** IA32_UINTR_TT: linear address of the UITT, bit 0 enables SENDUIPI. */
  targetTable = 0;
}
