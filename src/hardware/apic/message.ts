/** Delivery modes of the ICR and of interrupt messages (SDM vol. 3, 12.6.1). */
export const DELIVERY_FIXED = 0;
export const DELIVERY_LOWEST_PRIORITY = 1;
export const DELIVERY_SMI = 2;
export const DELIVERY_NMI = 4;
export const DELIVERY_INIT = 5;
export const DELIVERY_STARTUP = 6;
export const DELIVERY_EXTINT = 7;

export const SHORTHAND_NONE = 0;
export const SHORTHAND_SELF = 1;
export const SHORTHAND_ALL = 2;
export const SHORTHAND_OTHERS = 3;

/** A message on the APIC bus: what a write to the ICR (or the microcode of IPI virtualization) sends. */
export interface ApicMessage {
  readonly vector: number;
  readonly deliveryMode: number;
  readonly logical: boolean;
  readonly level: boolean;
  readonly assert: boolean;
  readonly shorthand: number;
  /** 8-bit (xAPIC) or 32-bit (x2APIC) destination. */
  readonly destination: number;
  /** The sender was in x2APIC mode: broadcast is FFFFFFFFH instead of FFH. */
  readonly x2apic: boolean;
}

/** What a register write means; whoever made the write routes it. */
export type ApicEffect =
  | { readonly kind: 'none' }
  | { readonly kind: 'message'; readonly message: ApicMessage }
  /** The xAPIC ID was written: IDs need not be those of power-up any more, nor distinct. */
  | { readonly kind: 'renamed' }
  | { readonly kind: 'eoi-broadcast'; readonly vector: number }
  | { readonly kind: 'general-protection' };
