/** docs/cost-model.md: prose that is written by hand around blocks that are generated. */
import { readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { DEFAULT_PROFILE, loadProfile } from '../../src/cost/profile.js';
import { breakdownTable, timesPerIpi } from './breakdown.js';
import { holdoutTable } from './holdouts.js';
import { withBlock } from './markdown.js';
import { measureCases } from './measured-case.js';
import { predictionSections } from './predictions.js';
import { classTable, groupTable, stepTable } from './profile-tables.js';

const profile = () => loadProfile(DEFAULT_PROFILE);
const published = () => measureCases('ipiv-v1', []);

export const COST_MODEL_PAGE = 'docs/cost-model.md';

const BLOCKS: Readonly<Record<string, () => string>> = {
  steps: () => stepTable(profile()),
  classes: () => classTable(profile()),
  groups: () => {
    const cases = published();
    return groupTable(profile(), (step) => Math.max(...cases.map(({ outcome }) => timesPerIpi(outcome, step))));
  },
  breakdown: () => breakdownTable(published()),
  holdouts: () => holdoutTable(),
  predictions: () => predictionSections(),
};

/** The page with every generated block as the code and the profile have it now. */
export async function costModelPage(): Promise<string> {
  const page = Object.entries(BLOCKS).reduce(
    (text, [name, content]) => withBlock(text, name, content()),
    readFileSync(COST_MODEL_PAGE, 'utf8'),
  );
  return format(page, { ...(await resolveConfig(COST_MODEL_PAGE)), parser: 'markdown' });
}
