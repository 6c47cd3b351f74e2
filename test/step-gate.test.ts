import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadProfile, type CostProfile } from '../src/cost/profile.js';
import { STEP_NAMES, type StepName } from '../src/cost/step.js';
import { loadInterpreter } from '../src/machine/interpreter.js';
import { gate } from '../src/result/gate.js';
import { caseRecord, ROLES, sealResult, type RunOutcome, type SavedResult } from '../src/result/saved-result.js';
import { executeUnit } from '../src/run/execute-unit.js';
import { planScenario, unitOf, type Plan } from '../src/run/plan.js';
import { loadScenario } from '../src/scenario/load.js';
import type { Case } from '../src/scenario/expand.js';

const interpreter = loadInterpreter();
const base = loadProfile('ipiv-v1');
const overrides = [
  { key: 'noise', value: 'off', source: '' },
  { key: 'iterations', value: '16', source: '' },
  { key: 'warmup', value: '8', source: '' },
  { key: 'runs', value: '1', source: '' },
];

interface Exercise {
  readonly plan: Plan;
  readonly each: Case;
  readonly outcome: RunOutcome;
}

function plans(): Plan[] {
  return readdirSync('scenarios').map((file) => {
    const loaded = loadScenario(`scenarios/${file}`, overrides);
    const plan = loaded.ok ? planScenario(loaded.value) : loaded;
    if (!plan.ok) throw new Error(JSON.stringify(plan.problems));
    return plan.value;
  });
}

function measure(plan: Plan, each: Case, profile: CostProfile): RunOutcome {
  const profiles = new Map([[each.profile, { profile, hash: '' }]]);
  const outcome = executeUnit(interpreter, unitOf({ ...plan, profiles }, each, 0));
  if ('message' in outcome) throw new Error(outcome.message);
  return outcome;
}

/** For every step that any shipped scenario exercises, the first case that does. */
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

const exercised = exercisedSteps();

describe('an exact gate turns red when one cycle is added to', () => {
  it.each([...exercised.keys()])('%s', (step) => {
    const exercise = exercised.get(step)!;
    const after = measure(exercise.plan, exercise.each, oneCycleMore(step));
    const report = gate(resultOf(exercise, exercise.outcome), resultOf(exercise, after), { exact: true, limits: [] });
    expect(report.verdict).toBe('failed');
    expect(report.rows[0].differences.map(({ figure }) => figure)).toContainEqual(
      expect.stringContaining(`step ${step} cycles`),
    );
  });
});

it('the shipped scenarios exercise most of the vocabulary', () => {
  expect(exercised.size).toBeGreaterThan(STEP_NAMES.length / 2);
});
