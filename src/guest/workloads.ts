/**
 * The built-in guest programs by name, and what can be asked of them. Plain data: reading this list loads neither
 * the assembler nor the engine.
 */

export const AP_HALT_POLICIES = ['spin', 'pause', 'hlt', 'hlt-passthrough', 'mwait-passthrough'] as const;

/** How an idle vCPU of the guest waits; "passthrough" also tells the hypervisor not to intercept it. */
export type ApHaltPolicy = (typeof AP_HALT_POLICIES)[number];

/** Longest run of NOPs behind the handler of an IPI. */
export const MOST_PHASE_NOPS = 1024;

export interface Workload {
  readonly description: string;
  readonly minimumVcpus: number;
  /** Also accumulates the time of the operation alone, without the loop around it. */
  readonly hasInnerAverage: boolean;
  /** How many IPIs an iteration sends. */
  readonly ipisPerIteration: number;
  /** The target serves the IPI in a handler, from which it returns to its idle loop. */
  readonly hasHandler: boolean;
  readonly apHaltPolicies: readonly ApHaltPolicy[];
}

export const WORKLOADS = {
  ipi: {
    description: 'call a function on CPU 1 by IPI and wait until it has run',
    minimumVcpus: 2,
    hasInnerAverage: true,
    ipisPerIteration: 1,
    hasHandler: true,
    apHaltPolicies: AP_HALT_POLICIES,
  },
  'ipi-halt': {
    description: 'the same, then 2000 cycles in which CPU 1 becomes idle again',
    minimumVcpus: 2,
    hasInnerAverage: false,
    ipisPerIteration: 1,
    hasHandler: true,
    apHaltPolicies: AP_HALT_POLICIES,
  },
  vmcall: {
    description: 'VMCALL round trip',
    minimumVcpus: 1,
    hasInnerAverage: false,
    ipisPerIteration: 0,
    hasHandler: false,
    apHaltPolicies: AP_HALT_POLICIES,
  },
  cpuid: {
    description: 'CPUID round trip',
    minimumVcpus: 1,
    hasInnerAverage: false,
    ipisPerIteration: 0,
    hasHandler: false,
    apHaltPolicies: AP_HALT_POLICIES,
  },
  senduipi: {
    description: 'send a user interrupt to CPU 1 at privilege level 3 and wait until its handler has run',
    minimumVcpus: 2,
    hasInnerAverage: true,
    ipisPerIteration: 1,
    hasHandler: false,
    apHaltPolicies: ['spin', 'pause'],
  },
} as const satisfies Readonly<Record<string, Workload>>;

export type WorkloadName = keyof typeof WORKLOADS;

export const WORKLOAD_NAMES = Object.keys(WORKLOADS) as readonly WorkloadName[];

/** The workload of a name, with the general type. */
export function workload(name: WorkloadName): Workload {
  return WORKLOADS[name];
}
