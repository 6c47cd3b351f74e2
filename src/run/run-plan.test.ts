import { describe, expect, it } from 'vitest';
import { casesOf, outcome, scenarioFrom } from '../../test/support/sample-result.js';
import { loadProfile } from '../cost/profile.js';
import type { Engine } from './engine.js';
import type { Plan, Unit } from './plan.js';
import { runPlan } from './run-plan.js';

function planOf(scenario: object): Plan {
  const loaded = scenarioFrom(scenario);
  const profile = loadProfile('ipiv-v1');
  return {
    scenario: loaded.scenario,
    cases: casesOf(loaded),
    profiles: new Map([['ipiv-v1', { profile, hash: 'cafe' }]]),
    images: new Map(),
  };
}

/** Answers with a figure that depends on nothing but the unit, after a delay that differs between units. */
function fakeEngine(jobs: number, execute?: Engine['execute']): Engine {
  let started = 0;
  return {
    jobs,
    execute:
      execute ??
      (async (unit) => {
        const turns = started++ % 3;
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        return outcome(averageOf(unit));
      }),
    close: () => Promise.resolve(),
  };
}

function averageOf({ options, costs }: Unit): number {
  return (options.ipiv ? 3000 : 4000) + costs.stepTicks.reduce((sum, ticks) => sum + ticks, 0);
}

const SCENARIO = { ipiv: [false, true], runs: 4 };

describe('running a plan', () => {
  it('gives every case its runs in order', async () => {
    const result = await runPlan(planOf(SCENARIO), fakeEngine(1), { toolVersion: '0' });
    expect(result.cases.map(({ runs }) => runs.map(({ run }) => run))).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    expect(result.interrupted).toBe(false);
  });

  it('gives the same bytes for any number of jobs', async () => {
    const texts = await Promise.all(
      [1, 2, 3, 8].map(async (jobs) =>
        JSON.stringify(await runPlan(planOf(SCENARIO), fakeEngine(jobs), { toolVersion: '0' })),
      ),
    );
    expect(new Set(texts).size).toBe(1);
  });

  it('gives all cases of a run the same placement, and runs different ones', async () => {
    const costs = new Map<boolean, string[]>([
      [false, []],
      [true, []],
    ]);
    const engine = fakeEngine(1, ({ options, costs: { stepTicks } }) => {
      costs.get(options.ipiv)?.push(String(stepTicks));
      return Promise.resolve(outcome(1));
    });
    await runPlan(planOf(SCENARIO), engine, { toolVersion: '0' });
    expect(costs.get(true)).toEqual(costs.get(false));
    expect(new Set(costs.get(true)).size).toBeGreaterThan(1);
  });

  it('gives all runs the same costs with noise off', async () => {
    const costs = new Set<string>();
    const engine = fakeEngine(1, (unit) => {
      costs.add(String(unit.costs.stepTicks));
      return Promise.resolve(outcome(1));
    });
    await runPlan(planOf({ ...SCENARIO, noise: 'off' }), engine, { toolVersion: '0' });
    expect(costs.size).toBe(1);
  });

  it('keeps what is finished when it is interrupted', async () => {
    const controller = new AbortController();
    let count = 0;
    const engine = fakeEngine(1, () => {
      if (++count < 4) return Promise.resolve(outcome(1));
      controller.abort();
      return new Promise(() => undefined);
    });
    const result = await runPlan(planOf(SCENARIO), engine, { toolVersion: '0', signal: controller.signal });
    expect(result.interrupted).toBe(true);
    expect(result.cases.map(({ runs }) => runs.length)).toEqual([2, 1]);
  });

  it('records a guest that failed and goes on', async () => {
    let count = 0;
    const engine = fakeEngine(1, () =>
      Promise.resolve(++count === 2 ? { message: 'triple fault', cycles: 5, details: [] } : outcome(1)),
    );
    const result = await runPlan(planOf(SCENARIO), engine, { toolVersion: '0' });
    expect(result.cases[1].failures).toEqual([{ run: 1, message: 'triple fault', cycles: 5, details: [] }]);
    expect(result.cases[1].runs.map(({ run }) => run)).toEqual([2, 3, 4]);
  });

  it('reports progress', async () => {
    const seen: string[] = [];
    await runPlan(planOf({ runs: 2 }), fakeEngine(1), {
      toolVersion: '0',
      onProgress: ({ done, total }) => seen.push(`${done}/${total}`),
    });
    expect(seen).toEqual(['1/2', '2/2']);
  });
});
