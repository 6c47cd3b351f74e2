/**
 * What the processor offers, as CPUID and the capability MSRs report it. The defaults are those of a
 * Sapphire-Rapids-class server, reduced to what is modelled. SDM vol. 2, CPUID; vol. 3, appendix A.
 */

/** Optional features of a processor. Everything else (long mode, VMX, APICv, EPT, VPID) is always there. */
export interface CpuFeatures {
  /** CPUID.1:ECX[21]. */
  readonly x2apic: boolean;
  /** CPUID.1:ECX[24], IA32_TSC_DEADLINE. */
  readonly tscDeadline: boolean;
  /** CPUID.1:ECX[3], MONITOR and MWAIT. */
  readonly mwait: boolean;
  /** CPUID.7.0:EDX[5], user interrupts. */
  readonly uintr: boolean;
  /** CPUID.1:ECX[5], VMX operation. */
  readonly vmx: boolean;
  /** IPI virtualization: bit 4 of the tertiary processor-based controls may be 1. */
  readonly ipiv: boolean;
  /** APIC-register virtualization, virtual-interrupt delivery and posted interrupts. */
  readonly apicv: boolean;
  /** CPUID.1:EAX, family, model and stepping. */
  readonly signature: number;
  /** CPUID.80000002H-80000004H, at most 47 characters. */
  readonly brand: string;
  /** Logical processors that share a core (CPUID.0BH subleaf 0). */
  readonly threadsPerCore: number;
  /** Logical processors in the package (CPUID.0BH subleaf 1). */
  readonly threadsPerPackage: number;
}

export const DEFAULT_FEATURES: CpuFeatures = {
  x2apic: true,
  tscDeadline: true,
  mwait: true,
  uintr: true,
  vmx: true,
  ipiv: true,
  apicv: true,
  signature: 0x000806f8,
  brand: 'Emulated Xeon with IPI virtualization',
  threadsPerCore: 1,
  threadsPerPackage: 1,
};
