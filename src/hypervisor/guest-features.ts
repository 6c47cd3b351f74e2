/** Features that user space may withhold from a guest (KVM_SET_CPUID2), as QEMU's -cpu does. */
export interface GuestFeatures {
  /** CPUID.1:ECX[21]. */
  readonly x2apic: boolean;
  /** CPUID.1:ECX[24], IA32_TSC_DEADLINE. */
  readonly tscDeadline: boolean;
  /** KVM's paravirtual features (40000001H:EAX), as far as they are modelled. */
  readonly paravirtual: boolean;
}

/** What the built-in guests see. */
export const DEFAULT_GUEST_FEATURES: GuestFeatures = { x2apic: true, tscDeadline: false, paravirtual: false };
