/** How well each column of the published table is predicted by a fit that has not seen it. */
import { readFileSync } from 'node:fs';
import { calibrate, type CalibrationReport } from '../../src/calibration/calibrate.js';
import type { Evaluate } from '../../src/calibration/fit.js';
import { parseMeasuredTable } from '../../src/calibration/measured-table.js';
import { loadProfile, type CostProfile } from '../../src/cost/profile.js';
import { isProgramCase } from '../../src/machine/image-options.js';
import { impossibilities } from '../../src/machine/impossible.js';
import { loadInterpreter } from '../../src/machine/interpreter.js';
import { profileEvaluator } from '../../src/run/evaluate-profile.js';
import { expandCases } from '../../src/scenario/expand.js';
import { loadScenario } from '../../src/scenario/load.js';
import { markdownTable } from './markdown.js';
import { cycles } from './profile-tables.js';

const TABLE = 'results/measured/ipiv-v1.csv';

/** One calibration to the published table per column, each without that column. */
export function publishedHoldouts(evaluate: Evaluate = remembered(publishedCases())): CalibrationReport[] {
  const table = parseMeasuredTable(readFileSync(TABLE, 'utf8'), TABLE);
  const prior = loadProfile('prior');
  return table.columns.map(({ name }) =>
    calibrate(table, { prior, name: 'ipiv-v1', description: '', holdout: [name], evaluate }),
  );
}

/** One row per column: measured, predicted without it, and the error. */
export function holdoutTable(): string {
  const rows = publishedHoldouts().map(({ rows: fitted, rank }, index) => {
    const { name, measured, standardError, model } = fitted[index];
    const error = model - measured;
    return [
      name,
      cycles(measured),
      standardError.toFixed(1),
      model.toFixed(1),
      `${error < 0 ? '' : '+'}${error.toFixed(1)}`,
      `${((100 * error) / measured).toFixed(2)} %`,
      String(rank),
    ];
  });
  return markdownTable(
    ['held out', 'measured', 's.e.', 'predicted', 'error', 'relative', 'rank of the rest'],
    rows,
    [1, 2, 3, 4, 5, 6],
  );
}

/** The machine under a profile: averages of the four published cases. */
export function publishedCases(): Evaluate {
  const loaded = loadScenario('scenarios/ipiv-v1.json');
  const cases = loaded.ok ? expandCases(loaded.value, impossibilities) : loaded;
  if (!cases.ok) throw new Error('the scenario of the published table is not valid');
  return profileEvaluator(loadInterpreter(), cases.value.map(({ options }) => options).filter(isProgramCase));
}

/** Machines that several calibrations ask for are run only once. */
function remembered(evaluate: Evaluate): Evaluate {
  const known = new Map<string, readonly number[]>();
  return (profile: CostProfile, meshFactor) => {
    const key = JSON.stringify([profile.steps, meshFactor]);
    const averages = known.get(key) ?? evaluate(profile, meshFactor);
    known.set(key, averages);
    return averages;
  };
}
