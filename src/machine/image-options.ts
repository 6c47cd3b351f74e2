import type { ApicMode, CpuOptions, HostOptions, KvmOptions } from './machine-options.js';

/** What a vCPU other than the first does at HLT. */
export const IMAGE_HALT_POLICIES = ['hlt', 'hlt-passthrough', 'spin'] as const;
export type ImageHaltPolicy = (typeof IMAGE_HALT_POLICIES)[number];

/** A machine that starts a multiboot image. */
export interface ImageOptions {
  /** Arguments behind the program's path. */
  readonly commandLine: string;
  /** Text of the only module, lines `NAME=VALUE`. */
  readonly environment: string;
  readonly memoryMiB: number;
  readonly vcpus: number;
  /** `xapic` hides the x2APIC from the guest. */
  readonly apicMode: ApicMode;
  /** kvm_intel's enable_ipiv. */
  readonly ipiv: boolean;
  /** No hypervisor: the image runs on the emulated processors themselves. */
  readonly bare: boolean;
  readonly haltPolicy: ImageHaltPolicy;
  readonly host: HostOptions;
  readonly cpu: CpuOptions;
  readonly kvm: KvmOptions;
  /** Simulated TSC cycles after which the guest counts as hanging. */
  readonly maxCycles: number;
}
