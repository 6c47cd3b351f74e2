import { expandCases, type Case } from '../../src/scenario/expand.js';
import { parseScenario, type LoadedScenario } from '../../src/scenario/load.js';
import { caseRecord, sealResult, type RunOutcome, type SavedResult } from '../../src/result/saved-result.js';

/** A scenario from its JSON, which must be right. */
export function scenarioFrom(json: object): LoadedScenario {
  const loaded = parseScenario('sample.json', JSON.stringify(json));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.value;
}

/** The cases of a scenario, whatever a machine would say to them. */
export function casesOf(loaded: LoadedScenario): readonly Case[] {
  const cases = expandCases(loaded, () => []);
  if (!cases.ok) throw new Error(JSON.stringify(cases.problems));
  return cases.value;
}

const idle = { exits: {}, busyCycles: 0, instructions: 0, steps: {} };

/** A run with this average and, where wanted, exits of the sender per iteration. */
export function outcome(average: number, exits: Readonly<Record<string, number>> = {}): RunOutcome {
  const iterations = 1000;
  const total = Object.fromEntries(Object.entries(exits).map(([reason, each]) => [reason, each * iterations]));
  return {
    iterations,
    outer: average + 0.25,
    inner: average - 40.5,
    lineTransfers: 2 * iterations,
    activity: {
      sender: {
        exits: total,
        busyCycles: average * iterations,
        instructions: 80 * iterations,
        steps: { 'vm-exit': { count: iterations, cycles: 700 * iterations } },
      },
      target: { ...idle, busyCycles: 900 * iterations },
      others: idle,
    },
    console: [`ipi ${average}`, `  ipi ipi ${average - 41}`],
    effective: { apicv: true, ipiv: false },
  };
}

/** A sealed result of `scenario`; `run` gives the outcome of each run (from 0) of each case. */
export function sampleResult(scenario: object, run: (each: Case, index: number) => RunOutcome): SavedResult {
  const loaded = scenarioFrom(scenario);
  const cases = casesOf(loaded).map((each) => {
    const runs = Array.from({ length: loaded.scenario.runs }, (_, index) => run(each, index));
    return caseRecord({ id: each.id, settings: each.settings, profile: { name: each.profile, hash: 'cafe' } }, runs);
  });
  return sealResult(
    {
      kind: 'ipiv-bench-result',
      schemaVersion: 1,
      toolVersion: '0.0.0',
      scenario: loaded.scenario,
      seed: loaded.scenario.seed,
      interrupted: false,
      cases,
    },
    { date: '2026-01-01T00:00:00.000Z', node: 'v20', platform: 'linux', jobs: 1, wallSeconds: 1 },
  );
}
