/** Who wants to know what becomes of an interrupt line at a controller (KVM's ack and mask notifiers, irqchip.c). */
export interface InterruptWatcher {
  /** The guest has ended an interrupt of `line`. */
  ended(line: number): void;
  /** `line` was masked or unmasked. */
  maskChanged(line: number, masked: boolean): void;
}
