import type { StepName } from '../cost/step.js';

/** Counts and cycles of one step over the timed loop. */
export interface StepTotal {
  readonly count: number;
  /** TSC cycles; a multiple of 1/64. */
  readonly cycles: number;
}

/** What one physical CPU did during the timed loop. */
export interface CpuActivity {
  readonly cpu: number;
  /** VM exits by KVM's name of the reason (`APIC_WRITE`, `MSR_WRITE`, ...). */
  readonly exits: Readonly<Record<string, number>>;
  /** From reading an exit to the next entry: exits that an entry has followed, with the cycles in between. */
  readonly exitTimes: Readonly<Record<string, StepTotal>>;
  /** Cycles spent working: everything but idle spin passes and sleep. */
  readonly busyCycles: number;
  readonly steps: Readonly<Partial<Record<StepName, StepTotal>>>;
  /** Cycles of plain guest instructions, which have no step name. */
  readonly guestInstructionCycles: number;
  readonly instructions: number;
}

/** One completed run of one case. */
export interface MachineResult {
  /** Iterations of the last (reported) pass. */
  readonly iterations: number;
  /** Cycles per iteration around the whole loop; kvm-unit-tests prints its integer part first. */
  readonly outer: number;
  /** Cycles per iteration between the inner pair of RDTSCs, where the workload has one. */
  readonly inner: number | null;
  /** Sender first, target second, then all others. */
  readonly cpus: readonly CpuActivity[];
  /** Cache lines that moved between CPUs during the timed loop. */
  readonly lineTransfers: number;
  /** What the workload prints, as kvm-unit-tests' vmexit does. */
  readonly console: readonly string[];
  /** How the hypervisor was really configured (`ipiv` may have fallen off without APICv). */
  readonly effective: { readonly apicv: boolean; readonly ipiv: boolean };
}

/** The guest or the machine ended in a way that yields no result. */
export class GuestFailure extends Error {
  /** Simulated cycles when it happened. */
  readonly cycles: number;
  /** Registers, last exit and VMCS, ready to print. */
  readonly details: readonly string[];

  constructor(message: string, cycles: number, details: readonly string[]) {
    super(message);
    this.name = 'GuestFailure';
    this.cycles = cycles;
    this.details = details;
  }
}

/** A combination that no machine can have: where in the options, and what is possible. */
export interface Impossible {
  readonly path: readonly string[];
  readonly message: string;
  readonly hint: string;
}
