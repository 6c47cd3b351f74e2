/** Images as workloads: what is counted before each line of a console, and what a run makes of it. */
import { describe, expect, it } from 'vitest';
import { loadProfile } from '../src/cost/profile.js';
import { measuringGuest } from '../src/guest/test-support/measuring-guest.js';
import type { ImageCaseOptions } from '../src/machine/image-options.js';
import { runImageCase } from '../src/machine/image-case.js';
import { executeUnit, type UnitResult } from '../src/run/execute-unit.js';
import { explainCase } from '../src/run/explain-case.js';
import type { SimulationOptions } from '../src/machine/machine-options.js';
import { HOST } from './support/bare-machine.js';
import { interpreterModule } from './support/engine.js';
import { defaultCosts, KVM } from './support/whole-machine.js';

const ITERATIONS = 1500;
const GUEST: ImageCaseOptions['guest'] = {
  image: 'guest.elf',
  append: null,
  environment: '',
  memoryMiB: 16,
  iterations: ITERATIONS,
  timeoutSeconds: 1,
};
const OPTIONS: ImageCaseOptions = {
  guest: GUEST,
  workload: 'ipi',
  vcpus: 2,
  apicMode: 'x2apic',
  ipiv: true,
  apHaltPolicy: 'hlt',
  host: HOST,
  cpu: { ipiv: true, uintr: false },
  kvm: KVM,
};
const costs = defaultCosts();
const image = measuringGuest(ITERATIONS);

function execute(options: Partial<ImageCaseOptions>, guest: Uint8Array = image): UnitResult {
  return executeUnit(interpreterModule(), { options: { ...OPTIONS, ...options }, image: guest, costs });
}

function consoleOf(simulation: SimulationOptions) {
  return runImageCase(image, OPTIONS, { interpreter: interpreterModule(), costs, simulation }).console;
}

describe('a run of an image', () => {
  it('takes the cycles that the image prints, and what lies between them', () => {
    const lines = consoleOf({}).map(({ text }) => text);
    const [, average] = /^ipi (\d+)$/m.exec(lines.join('\n')) ?? [];
    const [, inner] = /^ {2}ipi ipi (\d+)$/m.exec(lines.join('\n')) ?? [];
    const result = execute({});
    expect(result).toMatchObject({ outer: Number(average), inner: Number(inner), iterations: ITERATIONS });
    expect(result).toMatchObject({ console: [`ipi ${average}`, `  ipi ipi ${inner}`] });
  });

  it('counts the exits between the line above and the result', () => {
    const result = execute({ workload: 'vmcall' });
    expect('activity' in result && result.activity.sender.exits).toMatchObject({ VMCALL: ITERATIONS });
  });

  it('counts what each CPU does: without IPIv the sender leaves the guest for every IPI, the target only to halt', () => {
    const result = execute({ ipiv: false });
    if (!('activity' in result)) throw new Error(result.message);
    const { sender, target } = result.activity;
    expect([sender.exits['MSR_WRITE'], target.exits['MSR_WRITE']]).toEqual([ITERATIONS, undefined]);
    expect(target.exits['HLT']).toBeGreaterThan(0);
  });

  it('counts the same however the machine is simulated', () => {
    const usual = consoleOf({});
    expect(consoleOf({ fastForward: false })).toEqual(usual);
    expect(consoleOf({ lookaheadShare: 0 })).toEqual(usual);
  });

  // prettier-ignore
  it.each<[what: string, options: Partial<ImageCaseOptions>, guest: Uint8Array, message: RegExp]>([
    ['without the line',                { workload: 'cpuid' }, image, /printed no line "cpuid CYCLES"/],
    ['that repeats more often',         {}, measuringGuest(3 * ITERATIONS), /before "ipi \d+", which guest\.iterations=1500 does not account for/],
    ['that does other work before it',  { workload: 'vmcall' }, measuringGuest(ITERATIONS, 400), /does not account for/],
    ['that does not follow the rule of kvm-unit-tests', { guest: { ...GUEST, iterations: 'kvm-unit-tests' } }, image, /the doubling rule/],
    ['that runs out of time',           { guest: { ...GUEST, timeoutSeconds: 1e-5 } }, image, /has not ended/],
  ])('fails with an image %s', (_, options, guest, message) => {
    expect(execute(options, guest)).toMatchObject({ message: expect.stringMatching(message) as string });
  });
});

describe('an explanation of an image', () => {
  function explain(options: Partial<ImageCaseOptions>) {
    const unit = { options: { ...OPTIONS, ...options }, image, costs };
    const profile = loadProfile('ipiv-v1');
    const described = { id: 'image', settings: {}, options: unit.options, profile: profile.name };
    return explainCase(interpreterModule(), unit, described, { profile, hash: '' });
  }

  it('finds an iteration and its critical path', () => {
    const { path, cycles, average, typical, iteration, architectural } = explain({ apHaltPolicy: 'spin' });
    expect(path.map(({ name }) => name)).toEqual(['sender', 'flight', 'target', 'return']);
    expect(path.reduce((sum, section) => sum + section.cycles, 0)).toBe(cycles);
    expect(Math.abs(average / cycles - 1)).toBeLessThan(0.01);
    expect({ typical, iteration, architectural }).toEqual({ typical: true, iteration: null, architectural: false });
    const [sender] = path;
    expect(sender.lines.filter(({ name }) => name.startsWith('ipiv-')).map(({ name }) => name)).toEqual([
      'ipiv-eligibility',
      'ipiv-pir-set',
      'ipiv-on-update',
      'ipiv-icr-write',
    ]);
  });

  it('shows a round trip as such', () => {
    const { path, cycles, average } = explain({ workload: 'vmcall' });
    expect(path.map(({ name }) => name)).toEqual(['round-trip']);
    expect(Math.abs(average / cycles - 1)).toBeLessThan(0.01);
  });
});
