import type { Assembler, Label } from '../assembler.js';
import type { ApHaltPolicy } from '../workloads.js';

export interface ProgramOptions {
  readonly apicMode: 'xapic' | 'x2apic';
  readonly apHaltPolicy: ApHaltPolicy;
  readonly vcpus: number;
  /** NOPs that the target executes between the handler of an IPI and its idle loop. */
  readonly apPhase: number;
  /** Untimed iterations before the first pass. */
  readonly warmup: number;
  /** Timed iterations, or the doubling rule of kvm-unit-tests. */
  readonly iterations: number | 'kvm-unit-tests';
}

/** An entry of the interrupt-descriptor table. */
export interface Gate {
  readonly vector: number;
  readonly handler: Label;
  readonly dpl: 0 | 3;
}

/** What a program adds to the guest. The labels are bound in `kernel` unless said otherwise. */
export interface Program {
  /** Where CPU n starts. */
  readonly entry: (cpu: number) => Label;
  readonly gates: readonly Gate[];
  /** Functions behind the per-CPU accessor pointer, or null when the program does not use it. */
  readonly apicAccessors: { readonly writeRegister: Label; readonly writeIcr: Label } | null;
  /** The instruction that begins each iteration on CPU 0: a label of the kernel, or an address in `user`. */
  readonly iteration: Label | number;
  /** Code at privilege level 3. */
  readonly user: Assembler | null;
}
