/**
 * Reasons not to use APICv for a VM: kvm_set_or_clear_apicv_inhibit and enum kvm_apicv_inhibit (kvm_host.h, 6.3
 * numbering). APICv is active while no reason is set; a change makes every vCPU update its controls before its next
 * entry.
 *
 * Left out: the reasons of AMD processors, and per-vCPU inhibition while a nested guest runs.
 */
export const APICV_INHIBIT_REASON_DISABLE = 0;
export const APICV_INHIBIT_REASON_HYPERV = 1;
/** No in-kernel local APIC. */
export const APICV_INHIBIT_REASON_ABSENT = 2;
export const APICV_INHIBIT_REASON_BLOCKIRQ = 3;
export const APICV_INHIBIT_REASON_PHYSICAL_ID_ALIASED = 4;
export const APICV_INHIBIT_REASON_APIC_ID_MODIFIED = 5;
export const APICV_INHIBIT_REASON_APIC_BASE_MODIFIED = 6;

export type ApicvInhibitReason =
  | typeof APICV_INHIBIT_REASON_DISABLE
  | typeof APICV_INHIBIT_REASON_HYPERV
  | typeof APICV_INHIBIT_REASON_ABSENT
  | typeof APICV_INHIBIT_REASON_BLOCKIRQ
  | typeof APICV_INHIBIT_REASON_PHYSICAL_ID_ALIASED
  | typeof APICV_INHIBIT_REASON_APIC_ID_MODIFIED
  | typeof APICV_INHIBIT_REASON_APIC_BASE_MODIFIED;

export class ApicvInhibits {
  #reasons = 0;

  /** `enableApicv`: the module parameter as it came out of hardware set-up. */
  constructor(enableApicv: boolean) {
    if (!enableApicv) this.set(APICV_INHIBIT_REASON_DISABLE);
  }

  /** Reasons as a bit mask. */
  get reasons(): number {
    return this.#reasons;
  }

  /** kvm_apicv_activated */
  get activated(): boolean {
    return this.#reasons === 0;
  }

  /** Adds a reason; true when that deactivates APICv, so that all vCPUs must be told. */
  set(reason: ApicvInhibitReason): boolean {
    const was = this.activated;
    this.#reasons |= 1 << reason;
    return was;
  }

  /** Removes a reason; true when that activates APICv, so that all vCPUs must be told. */
  clear(reason: ApicvInhibitReason): boolean {
    const was = this.activated;
    this.#reasons &= ~(1 << reason);
    return !was && this.activated;
  }
}
