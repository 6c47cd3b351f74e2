/** docs/cost-model.md: prose that is written by hand around blocks that are generated. */
import { readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { DEFAULT_PROFILE, loadProfile } from '../../src/cost/profile.js';
import { breakdownTable, timesPerIpi } from './breakdown.js';
import { comparisonTable } from './comparisons.js';
import { holdoutTable } from './holdouts.js';
import { withBlock } from './markdown.js';
import { measureCases, type MeasuredCase } from './measured-case.js';
import { predictionSections } from './predictions.js';
import { classTable, groupTable, stepTable } from './profile-tables.js';

const profile = () => loadProfile(DEFAULT_PROFILE);
let measured: readonly MeasuredCase[] | null = null;
const published = (): readonly MeasuredCase[] => (measured ??= measureCases('ipiv-v1', []));

export const COST_MODEL_PAGE = 'docs/cost-model.md';

const BLOCKS: Readonly<Record<string, () => string>> = {
  steps: () => stepTable(profile()),
  classes: () => classTable(profile()),
  groups: () =>
    groupTable(profile(), (step) => Math.max(...published().map(({ outcome }) => timesPerIpi(outcome, step)))),
  breakdown: () => breakdownTable(published()),
  holdouts: () => holdoutTable(),
  predictions: () => predictionSections(),
  comparisons: () => comparisonTable(profile()),
};

/** The page with every generated block as the code and the profile have it now, except those to `keep` as they stand. */
export async function costModelPage(keep: readonly string[] = []): Promise<string> {
  const page = Object.entries(BLOCKS)
    .filter(([name]) => !keep.includes(name))
    .reduce((text, [name, content]) => withBlock(text, name, content()), readFileSync(COST_MODEL_PAGE, 'utf8'));
  return format(page, { ...(await resolveConfig(COST_MODEL_PAGE)), parser: 'markdown' });
}
