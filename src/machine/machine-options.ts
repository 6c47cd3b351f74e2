import type { CostTable } from '../cost/step.js';
import type { ApHaltPolicy, WorkloadName } from '../guest/workloads.js';
import type { KvmVersion } from '../hypervisor/kvm-parameters.js';

export { AP_HALT_POLICIES, MOST_PHASE_NOPS, WORKLOAD_NAMES as WORKLOADS } from '../guest/workloads.js';

export const KVM_VERSIONS = ['v1', '5.19', '6.12'] as const satisfies readonly KvmVersion[];

export const APIC_MODES = ['xapic', 'x2apic'] as const;
export type ApicMode = (typeof APIC_MODES)[number];

/** The physical machine. CPUs are numbered thread by thread, core by core, socket by socket. */
export interface HostOptions {
  readonly apicMode: ApicMode;
  /** Converts what a profile gives in nanoseconds into TSC cycles. */
  readonly tscGHz: number;
  /** Physical CPUs; at least one per vCPU, vCPU n is pinned to CPU n. null = exactly one per vCPU. */
  readonly pcpus: number | null;
  /** 2 makes CPUs 2n and 2n+1 siblings on one core. */
  readonly threadsPerCore: 1 | 2;
  /** Cores of one socket; CPUs beyond sit on the next one. */
  readonly coresPerSocket: number;
  /** Speculation controls on every exit and entry. */
  readonly mitigations: boolean;
}

/** Features of the physical processor. */
export interface CpuOptions {
  readonly ipiv: boolean;
  readonly uintr: boolean;
}

/** kvm and kvm_intel: version and module parameters. */
export interface KvmOptions {
  readonly version: KvmVersion;
  readonly enableApicv: boolean;
  readonly haltPollNs: number;
  /** KVM_CAP_MAX_VCPU_ID; null leaves the version's default. */
  readonly maxVcpuIds: number | null;
  /** PAUSE-loop exiting, in cycles; a gap of 0 turns it off. */
  readonly pleGap: number;
  readonly pleWindow: number;
}

/** One case, fully resolved: what `runMachine` runs once. */
export interface MachineOptions {
  readonly workload: WorkloadName;
  readonly vcpus: number;
  readonly apicMode: ApicMode;
  /** kvm_intel's enable_ipiv. */
  readonly ipiv: boolean;
  /** What the target vCPU does while it waits for the next IPI. */
  readonly apHaltPolicy: ApHaltPolicy;
  /** Timed iterations, or the doubling rule of kvm-unit-tests. */
  readonly iterations: number | 'kvm-unit-tests';
  /** Untimed iterations before them. */
  readonly warmup: number;
  /** NOPs that the target executes between the handler of an IPI and its idle loop. */
  readonly apPhase: number;
  readonly host: HostOptions;
  readonly cpu: CpuOptions;
  readonly kvm: KvmOptions;
}

/** How to simulate; results do not depend on it. */
export interface SimulationOptions {
  /** Jump over provably idle spinning (default true). */
  readonly fastForward?: boolean;
  /** Translate code that has been gone to so often (default 10 000, 0 = never). */
  readonly translateAfter?: number;
  /** Share of the permitted run-ahead to use, 0 to 1 (default 1). */
  readonly lookaheadShare?: number;
}

/** What a run needs besides the case. */
export interface MachineInputs {
  readonly interpreter: WebAssembly.Module;
  /** Costs, with this run's placement and the case's variant applied. */
  readonly costs: CostTable;
  readonly simulation?: SimulationOptions;
}
