// `KVM_UNIT_TESTS=directory npm run bench:images`: how fast images of kvm-unit-tests run. docs/performance.md says what
// each figure means.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CPU_COUNT_RDTSC } from '../src/hardware/cpu/layout.js';
import type * as CostTableModule from '../src/cost/cost-table.js';
import type * as ProfileModule from '../src/cost/profile.js';
import type * as ImageMachineModule from '../src/machine/image-machine.js';
import type { ImageMachine } from '../src/machine/image-machine.js';
import type { ImageOptions } from '../src/machine/image-options.js';
import type * as InterpreterModule from '../src/machine/interpreter.js';
import { shipped } from './shipped.js';
import { yardstick, YARDSTICK_STEPS } from './yardstick.js';

const images = process.env.KVM_UNIT_TESTS;
if (images === undefined) throw new Error('KVM_UNIT_TESTS does not name a directory of .flat files');

const { buildImageMachine } = (await shipped('image-machine')) as typeof ImageMachineModule;
const { loadInterpreter } = (await shipped('interpreter')) as typeof InterpreterModule;
const { costTable } = (await shipped('cost-table')) as typeof CostTableModule;
const { loadProfile } = (await shipped('profile')) as typeof ProfileModule;

const KVM = { version: '6.12', haltPollNs: 200_000, maxVcpuIds: null, pleGap: 128, pleWindow: 4096 } as const;
/** As `ipiv-bench boot` has them. */
const DEFAULTS: Omit<ImageOptions, 'commandLine'> = {
  environment: '',
  memoryMiB: 128,
  vcpus: 2,
  apicMode: 'x2apic',
  ipiv: true,
  bare: false,
  haltPolicy: 'hlt',
  host: { apicMode: 'x2apic', tscGHz: 2, pcpus: null, threadsPerCore: 1, coresPerSocket: 64, mitigations: false },
  cpu: { ipiv: true, uintr: false },
  kvm: { ...KVM, enableApicv: true },
  maxCycles: Infinity,
};
const BARE: Partial<ImageOptions> = { bare: true, environment: 'TEST_DEVICE=0\n' };
const NO_APICV: Partial<ImageOptions> = { kvm: { ...KVM, enableApicv: false } };

/** Simulated cycles before IPIs are counted, until V8 has compiled what they need, and while they are. */
const WARM_UP = 500e6;
const COUNTED = 1000e6;

/** Milliseconds of processor time since the process began: other programs on the machine disturb little. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function machineFor(image: string, args: string, options: Partial<ImageOptions>): ImageMachine {
  const bytes = readFileSync(join(images ?? '', `${image}.flat`));
  const inputs = {
    interpreter: loadInterpreter(),
    costs: costTable(loadProfile('ipiv-v1'), 2),
    console: () => undefined,
  };
  const machine = buildImageMachine(bytes, { ...DEFAULTS, commandLine: `${image}.flat ${args}`, ...options }, inputs);
  if (machine.kind === 'problem') throw new Error(machine.message);
  return machine;
}

/** IPIs so far: `vmexit ipi` reads the TSC before and after each. */
function ipis({ hardware }: ImageMachine): number {
  return hardware.cpus[0].long(CPU_COUNT_RDTSC) / 2;
}

/** Milliseconds per IPI of `vmexit ipi`. */
function timePerIpi(options: Partial<ImageOptions>): number {
  const machine = machineFor('vmexit', 'ipi', options);
  machine.run(WARM_UP);
  const [from, start] = [ipis(machine), processorTime()];
  machine.run(COUNTED);
  return (processorTime() - start) / (ipis(machine) - from);
}

/** Milliseconds of a whole image. */
function timeOf(image: string, options: Partial<ImageOptions>): number {
  const start = processorTime();
  const end = machineFor(image, '', options).run(Infinity);
  if (end?.kind !== 'exit' || end.code !== 0) throw new Error(`${image} has failed: ${JSON.stringify(end)}`);
  return processorTime() - start;
}

function yardstickRate(): number {
  const start = processorTime();
  for (let times = 0; times < 400; times++) yardstick();
  return (400 * YARDSTICK_STEPS) / (processorTime() - start);
}

const FIGURES: readonly (readonly [name: string, measure: () => number])[] = [
  ['IPI, xAPIC, exits', () => timePerIpi({ apicMode: 'xapic', ipiv: false })],
  ['IPI, x2APIC, exits', () => timePerIpi({ ipiv: false })],
  ['IPI, xAPIC, IPIv', () => timePerIpi({ apicMode: 'xapic' })],
  ['IPI, x2APIC, IPIv', () => timePerIpi({})],
  ['IPI, x2APIC, IPIv, hlt-passthrough', () => timePerIpi({ haltPolicy: 'hlt-passthrough' })],
  ['IPI, x2APIC, IPIv, spin', () => timePerIpi({ haltPolicy: 'spin' })],
  ['IPI, x2APIC, exits, hlt-passthrough', () => timePerIpi({ haltPolicy: 'hlt-passthrough', ipiv: false })],
  ['IPI, x2APIC, exits, spin', () => timePerIpi({ haltPolicy: 'spin', ipiv: false })],
  ['smptest, 16 vCPUs', () => timeOf('smptest', { vcpus: 16 })],
  ['apic, xAPIC, bare', () => timeOf('apic', { ...BARE, apicMode: 'xapic' })],
  ['apic, x2APIC, bare', () => timeOf('apic', BARE)],
  ['apic, xAPIC, IPIv', () => timeOf('apic', { apicMode: 'xapic' })],
  ['apic, x2APIC, IPIv', () => timeOf('apic', {})],
  ['apic, xAPIC, no APICv', () => timeOf('apic', { ...NO_APICV, apicMode: 'xapic' })],
  ['apic, x2APIC, no APICv', () => timeOf('apic', NO_APICV)],
];

console.log(`${''.padEnd(36)}${'ms'.padStart(9)}${'yardstick steps'.padStart(18)}`);
for (const [name, measure] of FIGURES) {
  const time = measure();
  const steps = (time * yardstickRate()).toPrecision(3);
  console.log(`${name.padEnd(36)}${time.toPrecision(3).padStart(9)}${Number(steps).toExponential(2).padStart(18)}`);
}
