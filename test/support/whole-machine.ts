/** Complete machines for end-to-end tests: a built-in guest under KVM, the options of a case with short defaults. */
import { costTable } from '../../src/cost/cost-table.js';
import { DEFAULT_PROFILE, loadProfile } from '../../src/cost/profile.js';
import type { CostTable, StepName } from '../../src/cost/step.js';
import { runMachine } from '../../src/machine/machine.js';
import type {
  CpuOptions,
  HostOptions,
  KvmOptions,
  MachineInputs,
  MachineOptions,
  SimulationOptions,
} from '../../src/machine/machine-options.js';
import type { MachineResult } from '../../src/machine/machine-result.js';
import { HOST } from './bare-machine.js';
import { interpreterModule } from './engine.js';

/** What differs from the defaults. */
export interface CaseOptions extends Partial<Omit<MachineOptions, 'host' | 'cpu' | 'kvm'>> {
  readonly host?: Partial<HostOptions>;
  readonly cpu?: Partial<CpuOptions>;
  readonly kvm?: Partial<KvmOptions>;
}

/** As scenarios have it. */
export const KVM: KvmOptions = {
  version: '5.19',
  enableApicv: true,
  haltPollNs: 200_000,
  maxVcpuIds: null,
  pleGap: 128,
  pleWindow: 4096,
};

/** `ipi` on two vCPUs in xAPIC mode without IPI virtualization, the target spinning; few iterations. */
export function machineOptions({ host, cpu, kvm, ...options }: CaseOptions = {}): MachineOptions {
  return {
    workload: 'ipi',
    vcpus: 2,
    apicMode: 'xapic',
    ipiv: false,
    apHaltPolicy: 'spin',
    iterations: 32,
    warmup: 8,
    apPhase: 0,
    host: { ...HOST, ...host },
    cpu: { ipiv: true, uintr: options.workload === 'senduipi', ...cpu },
    kvm: { ...KVM, ...kvm },
    ...options,
  };
}

export const defaultCosts = (): CostTable => costTable(loadProfile(DEFAULT_PROFILE), HOST.tscGHz);

export function machineInputs(simulation: SimulationOptions = {}, costs: CostTable = defaultCosts()): MachineInputs {
  return { interpreter: interpreterModule(), costs, simulation };
}

export function runCase(options: CaseOptions, simulation: SimulationOptions = {}): MachineResult {
  return runMachine(machineOptions(options), machineInputs(simulation));
}

/** Exits of one CPU by reason, and how often it was charged each step, per iteration. */
export interface PerIteration {
  readonly exits: Readonly<Record<string, number>>;
  readonly steps: Readonly<Partial<Record<StepName, number>>>;
}

const SHORT = 32;
const LONG = 96;

/**
 * Exact counts per iteration, sender first: the difference of a longer and a shorter run, so that nothing at the edges
 * of the timed loop matters.
 */
export function perIteration(options: CaseOptions): PerIteration[] {
  const short = runCase({ ...options, iterations: SHORT });
  const long = runCase({ ...options, iterations: LONG });
  return long.cpus.map(({ exits, steps }, cpu) => ({
    exits: difference(exits, short.cpus[cpu]?.exits ?? {}),
    steps: difference(countsOf(steps), countsOf(short.cpus[cpu]?.steps ?? {})),
  }));
}

function countsOf(steps: Readonly<Partial<Record<StepName, { readonly count: number }>>>): Record<string, number> {
  return Object.fromEntries(Object.entries(steps).map(([name, { count }]) => [name, count]));
}

function difference(long: Readonly<Record<string, number>>, short: Readonly<Record<string, number>>) {
  return Object.fromEntries(
    Object.entries(long)
      .map(([name, count]) => [name, (count - (short[name] ?? 0)) / (LONG - SHORT)] as const)
      .filter(([, count]) => count !== 0),
  );
}
