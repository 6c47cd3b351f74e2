/**
 * What KVM makes of the ticks of the PIT that a guest is slow to take (i8254.c: pit_timer_fn, pit_do_work,
 * kvm_pit_ack_irq, pit_mask_notifer). A tick interrupts only after the interrupt of the one before was acknowledged;
 * until then ticks are counted, and each acknowledgement releases one of them. Loading the counter and unmasking the line
 * at an interrupt controller forget what was missed.
 *
 * Left out: KVM_REINJECT_CONTROL, with which user space turns this off.
 */
export class PitReinjection {
  readonly #pulse: () => void;
  #pending = 0;
  #acknowledged = true;
  #queued = false;

  /** `pulse`: the line goes up and down. */
  constructor(pulse: () => void) {
    this.#pulse = pulse;
  }

  /** The worker has a missed tick to inject. */
  get queued(): boolean {
    return this.#queued;
  }

  /** The counter has run out `times` times. */
  expire(times: number): void {
    this.#pending += times;
    this.work();
  }

  /** The guest has ended the interrupt at one of its controllers. */
  acknowledge(): void {
    this.#acknowledged = true;
    if (this.#pending === 0) return;
    this.#pending--;
    if (this.#pending > 0) this.#queued = true;
  }

  /** Nothing was missed so far. */
  reset(): void {
    this.#pending = 0;
    this.#acknowledged = true;
    this.#queued = false;
  }

  /** pit_do_work */
  work(): void {
    this.#queued = false;
    if (!this.#acknowledged) return;
    this.#acknowledged = false;
    this.#pulse();
  }
}
