import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadProfile, type CostProfile } from '../src/cost/profile.js';
import {
  INSTRUCTION_CLASSES,
  STEP_NAMES,
  type InstructionClass,
  TICKS_PER_CYCLE,
  type StepName,
} from '../src/cost/step.js';
import { loadInterpreter } from '../src/machine/interpreter.js';
import { gate } from '../src/result/gate/gate.js';
import type { GateReport } from '../src/result/gate/gate-report.js';
import { caseRecord, ROLES, sealResult, type RunOutcome, type SavedResult } from '../src/result/saved-result.js';
import { executeUnit } from '../src/run/execute-unit.js';
import { planScenario, unitOf, type Plan } from '../src/run/plan.js';
import { loadScenario } from '../src/scenario/load.js';
import type { Case } from '../src/scenario/expand.js';

const interpreter = loadInterpreter();
const base = loadProfile('ipiv-v1');
const QUICK = { noise: 'off', iterations: '16', warmup: '8', runs: '1' };

/** What the shipped scenarios leave out, as keys set on one of them. */
const VARIANTS: readonly (readonly [scenario: string, set: Readonly<Record<string, string>>])[] = [
  ['x2apic', { workload: 'vmcall,cpuid', vcpus: '1', ipiv: 'true' }],
  ['x2apic', { workload: 'ipi-halt', apHaltPolicy: 'hlt', 'kvm.haltPollNs': '0' }],
  ['x2apic', { 'host.apicMode': 'xapic', 'host.mitigations': 'true' }],
];

/** Steps that none of them comes across in its timed loop, and why. A new step must appear here or be exercised. */
const NOT_EXERCISED: Readonly<Record<string, string>> = {
  'native-rdmsr': 'guests read MSRs other than those of the local APIC only while they start',
  'native-wrmsr': 'guests write MSRs other than those of the local APIC only while they start',
  'native-cpuid': 'CPUID exits in a guest',
  clui: 'the receiver of user interrupts never turns them off',
  stui: 'the receiver of user interrupts never turns them off',
  'virtualized-msr-read': 'nobody reads the local APIC by RDMSR',
  'self-ipi-virtualization': 'nobody sends an IPI to itself',
  'stack-switch': 'interrupts meet the guest at privilege level 0',
  'eoi-induced-handler': 'there are no level-triggered interrupts',
  'cr-access-handler': 'nobody writes control registers',
  'pause-handler': 'PAUSE takes longer than the gap of PAUSE-loop exiting, so that no loop is ever seen',
  'ept-violation-handler': 'the untimed iterations touch every page',
  'timer-program': 'built-in guests use no timer',
  'preemption-timer-load': 'built-in guests use no timer',
  'hrtimer-start': 'built-in guests use no timer',
  'hrtimer-interrupt': 'built-in guests use no timer',
  'timer-expiry': 'built-in guests use no timer',
  'vcpu-reset': 'application processors start before the timed loop',
  'nmi-window-handler': 'nobody sends NMIs',
  'dr-access-handler': 'nobody touches debug registers',
  'wbinvd-handler': 'nobody writes caches back',
  'kernel-port-io': 'only guests loaded from an image drive devices',
  'irq-line': 'only guests loaded from an image drive devices',
  'ioapic-scan': 'only guests loaded from an image drive devices',
  'eventfd-signal': 'only guests loaded from an image drive devices',
  'user-space-exit': 'ports are written at the end only',
};

/** The sources that charge steps. */
const MODEL = ['src/hardware', 'src/hypervisor', 'src/interpreter'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8')),
);

/** Instruction classes, and a step of a case that contains them. Timed loops neither multiply, divide nor copy. */
const EXERCISED_CLASSES: Readonly<Partial<Record<InstructionClass, StepName>>> = {
  alu: 'mfence',
  load: 'mfence',
  store: 'mfence',
  branch: 'mfence',
  shift: 'mfence',
  system: 'mwait-wake',
};

interface Exercise {
  readonly plan: Plan;
  readonly each: Case;
  readonly outcome: RunOutcome;
}

function plans(): Plan[] {
  const shipped = readdirSync('scenarios').map((file) => planOf(file.replace('.json', ''), {}));
  return [...shipped, ...VARIANTS.map(([scenario, set]) => planOf(scenario, set))];
}

function planOf(scenario: string, set: Readonly<Record<string, string>>): Plan {
  const overrides = Object.entries({ ...QUICK, ...set }).map(([key, value]) => ({ key, value, source: key }));
  const loaded = loadScenario(`scenarios/${scenario}.json`, overrides);
  const plan = loaded.ok ? planScenario(loaded.value) : loaded;
  if (!plan.ok) throw new Error(JSON.stringify(plan.problems));
  return plan.value;
}

function measure(plan: Plan, each: Case, profile: CostProfile): RunOutcome {
  const profiles = new Map([[each.profile, { profile, hash: '' }]]);
  const outcome = executeUnit(interpreter, unitOf({ ...plan, profiles }, each, 0));
  if ('message' in outcome) throw new Error(outcome.message);
  return outcome;
}

/** For every step that any scenario or variant exercises, the first case that does. */
function exercisedSteps(): Map<StepName, Exercise> {
  const found = new Map<StepName, Exercise>();
  for (const plan of plans()) {
    for (const each of plan.cases) {
      const outcome = measure(plan, each, base);
      const steps = new Set(ROLES.flatMap((role) => Object.keys(outcome.activity[role].steps)));
      for (const step of STEP_NAMES) if (steps.has(step) && !found.has(step)) found.set(step, { plan, each, outcome });
    }
  }
  return found;
}

function resultOf({ plan, each }: Exercise, outcome: RunOutcome): SavedResult {
  const identity = { id: each.id, settings: each.settings, profile: { name: each.profile, hash: '' } };
  return sealResult(
    {
      kind: 'ipiv-bench-result',
      schemaVersion: 1,
      toolVersion: '0',
      scenario: plan.scenario,
      seed: plan.scenario.seed,
      interrupted: false,
      cases: [caseRecord(identity, [outcome])],
    },
    { date: '', node: '', platform: '', jobs: 1, wallSeconds: 0 },
  );
}

function oneCycleMore(step: StepName): CostProfile {
  const { unit, value } = base.steps[step];
  return {
    ...base,
    steps: { ...base.steps, [step]: { ...base.steps[step], value: value + (unit === 'ns' ? 0.5 : 1) } },
  };
}

function oneCycleMoreForClass(name: InstructionClass): CostProfile {
  const { ticks } = base.classes[name];
  return { ...base, classes: { ...base.classes, [name]: { ...base.classes[name], ticks: ticks + TICKS_PER_CYCLE } } };
}

function gateOf(exercise: Exercise, after: RunOutcome): GateReport {
  return gate(resultOf(exercise, exercise.outcome), resultOf(exercise, after), { exact: true, limits: [] });
}

const exercised = exercisedSteps();

describe('an exact gate turns red when one cycle is added to', () => {
  it.each([...exercised.keys()])('%s', (step) => {
    const exercise = exercised.get(step)!;
    const { verdict, rows } = gateOf(exercise, measure(exercise.plan, exercise.each, oneCycleMore(step)));
    expect(verdict).toBe('failed');
    expect(rows).toMatchObject([{ id: exercise.each.id, status: 'moved' }]);
    expect(rows[0].differences.map(({ figure }) => figure)).toContainEqual(
      expect.stringContaining(`step ${step} cycles`),
    );
  });

  it.each(Object.entries(EXERCISED_CLASSES))('instruction class %s', (name, step) => {
    const exercise = exercised.get(step)!;
    const { verdict, rows } = gateOf(
      exercise,
      measure(exercise.plan, exercise.each, oneCycleMoreForClass(name as InstructionClass)),
    );
    expect(verdict).toBe('failed');
    expect(rows[0].differences.map(({ figure }) => figure)).toContainEqual(
      expect.stringContaining('step guest-instructions cycles'),
    );
  });
});

it('steps that nothing exercises are known, each with its reason', () => {
  expect(STEP_NAMES.filter((step) => !exercised.has(step)).sort()).toEqual(Object.keys(NOT_EXERCISED).sort());
});

it.each(Object.keys(NOT_EXERCISED))('%s is charged all the same, where the model does what it stands for', (step) => {
  const constant = new RegExp(`\\bSTEP[._]${step.toUpperCase().replaceAll('-', '_')}\\b`);
  expect(MODEL.some((source) => constant.test(source))).toBe(true);
});

it('instruction classes that timed loops do not contain leave an exact gate green', () => {
  const exercise = exercised.get('mwait-wake')!;
  for (const name of INSTRUCTION_CLASSES.filter((each) => !(each in EXERCISED_CLASSES))) {
    const after = measure(exercise.plan, exercise.each, oneCycleMoreForClass(name));
    expect(gateOf(exercise, after).verdict, name).toBe('passed');
  }
});
