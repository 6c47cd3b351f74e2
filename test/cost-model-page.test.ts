import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Evaluate } from '../src/calibration/fit.js';
import { loadProfile, type CostProfile } from '../src/cost/profile.js';
import { STEP_NAMES } from '../src/cost/step.js';
import { publishedCases, publishedHoldouts } from '../tools/cost-model/holdouts.js';
import { COST_MODEL_PAGE, costModelPage } from '../tools/cost-model/page.js';

const page = readFileSync(COST_MODEL_PAGE, 'utf8');

/** Some fifty cases. */
const SLOW = { timeout: 240_000 };

it('docs/cost-model.md shows what the profile says and the machine does (else: npm run docs)', SLOW, async () => {
  expect((await costModelPage(['holdouts'])).split('\n')).toEqual(page.split('\n'));
});

/** Groups that each column of the table pays for, in the order of the columns. */
const PAID_BY: Readonly<Record<string, readonly number[]>> = {
  common: [1, 1, 1, 1],
  'apic-page': [1, 1, 0, 0],
  'exit-to-notification': [1, 0, 1, 0],
  'full-exit-path': [1, 0, 0, 0],
};

/**
 * The four published cases with their response to free steps taken as exactly linear: what the machine gives under the
 * shipped profile, shifted by the steps that differ. Hundreds of machines need not be run.
 */
function linearMachine(): Evaluate {
  const fitted = loadProfile('ipiv-v1');
  const averages = publishedCases()(fitted);
  const shift = (profile: CostProfile, row: number): number =>
    STEP_NAMES.reduce((sum, name) => {
      const { group, value } = profile.steps[name];
      const times = group === undefined ? 0 : PAID_BY[group][row] * (name === 'apic-page-write' ? 2 : 1);
      return sum + times * (value - fitted.steps[name].value);
    }, 0);
  return (profile, meshFactor = 1) => averages.map((average, row) => average * meshFactor + shift(profile, row));
}

describe('a calibration without', () => {
  const shown = [...page.matchAll(/^\| (x2?apic_o\w+) .*?\| +([\d.]+) \| +[-+][\d.]+ \| +-?[\d.]+ % \|/gm)];

  it.each(publishedHoldouts(linearMachine()).map((report, index) => [report.rows[index].name, report, index] as const))(
    '%s meets the other columns within a cycle and predicts this one as the page says',
    (held, { rows, rank }, index) => {
      expect(rank).toBe(3);
      for (const { name, model, measured, heldOut } of rows.filter((row) => row.name !== held)) {
        expect(heldOut, name).toBe(false);
        expect(Math.abs(model - measured), name).toBeLessThanOrEqual(1);
      }
      expect(rows[index].heldOut).toBe(true);
      expect(shown[index][1]).toBe(held);
      expect(Math.abs(rows[index].model - Number(shown[index][2]))).toBeLessThanOrEqual(2);
    },
  );
});
