import { readFileSync } from 'node:fs';
import type * as CostTableModule from '../src/cost/cost-table.js';
import type * as ProfileModule from '../src/cost/profile.js';
import type * as MachineModule from '../src/machine/machine.js';
import type { MachineOptions } from '../src/machine/machine-options.js';
import { shipped } from './shipped.js';

const { runMachine } = (await shipped('machine')) as typeof MachineModule;
const { costTable } = (await shipped('cost-table')) as typeof CostTableModule;
const { loadProfile } = (await shipped('profile')) as typeof ProfileModule;

const interpreter = new WebAssembly.Module(readFileSync(new URL('../build/interpreter.wasm', import.meta.url)));
const costs = costTable(loadProfile('ipiv-v1'), 2);

/** The defaults of a scenario, for version v1 of the IPI virtualization series. */
const DEFAULTS: MachineOptions = {
  workload: 'ipi',
  vcpus: 2,
  apicMode: 'x2apic',
  ipiv: true,
  apHaltPolicy: 'spin',
  iterations: 1,
  warmup: 64,
  apPhase: 0,
  host: {
    apicMode: 'x2apic',
    tscGHz: 2,
    pcpus: null,
    threadsPerCore: 1,
    coresPerSocket: 64,
    mitigations: false,
  },
  cpu: { ipiv: true, uintr: false },
  kvm: {
    version: 'v1',
    enableApicv: true,
    haltPollNs: 200_000,
    maxVcpuIds: null,
    pleGap: 128,
    pleWindow: 4096,
  },
};

/** So many that what a run takes to begin counts for little; the row `start-up` measures that. */
const ITERATIONS = 100_000;

export type Settings = Pick<MachineOptions, 'workload'> & Partial<MachineOptions>;

/** Runs a case from reset to result; returns its timed iterations. */
export function runCase(settings: Settings, iterations = ITERATIONS): number {
  return runMachine({ ...DEFAULTS, ...settings, iterations }, { interpreter, costs }).iterations;
}
