/** A run that takes over what earlier ones have left, memory and decoded code, does what the first one did. */
import { describe, expect, it } from 'vitest';
import { costTable } from '../src/cost/cost-table.js';
import { DEFAULT_PROFILE, loadProfile } from '../src/cost/profile.js';
import type { CostTable } from '../src/cost/step.js';
import { PhysicalMemory } from '../src/hardware/memory/physical-memory.js';
import { buildMachine, runMachine } from '../src/machine/machine.js';
import type { MachineResult } from '../src/machine/machine-result.js';
import { HOST } from './support/bare-machine.js';
import { defaultCosts, machineInputs, machineOptions, type CaseOptions } from './support/whole-machine.js';

const CASES: readonly (readonly [string, CaseOptions])[] = [
  ['xAPIC exits', {}],
  ['x2APIC exits, hlt', { apicMode: 'x2apic', apHaltPolicy: 'hlt' }],
  ['x2APIC IPIv', { apicMode: 'x2apic', ipiv: true }],
  ['xAPIC IPIv, pause', { ipiv: true, apHaltPolicy: 'pause' }],
  ['mwait-passthrough', { ipiv: true, apHaltPolicy: 'mwait-passthrough' }],
  ['ipi-halt', { workload: 'ipi-halt', apHaltPolicy: 'hlt' }],
  ['without APICv', { kvm: { enableApicv: false } }],
  ['KVM 6.12', { ipiv: true, kvm: { version: '6.12' } }],
  ['vmcall', { workload: 'vmcall', vcpus: 1 }],
  ['cpuid', { workload: 'cpuid', vcpus: 1 }],
  ['senduipi', { workload: 'senduipi' }],
  ['many CPUs', { vcpus: 8, ipiv: true }],
];

describe.each(CASES)('%s', (_, options) => {
  it('leaves memory that nobody can tell from new memory', () => {
    const { hardware } = buildMachine(machineOptions(options), machineInputs({ translateAfter: 100 }));
    hardware.clock.run();
    const { memory } = hardware;
    memory.release();
    const { cpus, ramBytes } = memory;
    const again = new PhysicalMemory({ cpus, ramBytes });
    const fresh = new PhysicalMemory({ cpus, ramBytes });
    expect(again.wasm).toBe(memory.wasm);
    expect(fresh.wasm).not.toBe(memory.wasm);
    expect(Buffer.compare(again.u8, fresh.u8)).toBe(0);
  });

  it('does the same again', () => {
    const first = run(options);
    run({ ...options, iterations: 5 });
    expect(run(options)).toEqual(first);
    expect(run(options)).toEqual(first);
  });
});

it('costs of instructions are those of the run, not of an earlier one', () => {
  const dear = { ...defaultCosts(), classTicks: defaultCosts().classTicks.map((ticks) => 2 * ticks) };
  const [first, other] = [run({}), run({}, dear)];
  expect(other.outer).toBeGreaterThan(first.outer);
  expect([run({}), run({}, dear)]).toEqual([first, other]);
});

it('costs of steps are those of the run, not of an earlier one', () => {
  const pause = { apHaltPolicy: 'pause' } as const;
  const draw = { lineFactor: 1.1, flightFactor: 1.2 };
  const far = costTable(loadProfile(DEFAULT_PROFILE), HOST.tscGHz, draw);
  const [first, other] = [run(pause), run(pause, far)];
  expect(other.outer).toBeGreaterThan(first.outer);
  expect([run(pause), run(pause, far)]).toEqual([first, other]);
});

function run(options: CaseOptions, costs: CostTable = defaultCosts()): MachineResult {
  return runMachine(machineOptions(options), machineInputs({}, costs));
}
