import type { CostProfile } from '../cost/profile.js';
import type { SavedResult } from '../result/saved-result.js';
import { planScenario, type Plan } from '../run/plan.js';
import { bad, type Checked } from '../scenario/problem.js';
import { checkProfile } from '../scenario/profile-file.js';

/** The scenario of a saved result, ready to run again with the profiles that it was run with. Images are looked up from here. */
export function planOf(source: string, { scenario, profiles }: SavedResult): Checked<Plan> {
  const profileNamed = (name: string): Checked<CostProfile> => {
    const at = { source: `${source}: profile ${name}` };
    const saved = profiles?.[name];
    if (saved === undefined) return bad({ at, message: 'was not saved', hint: 'run the scenario again' });
    return checkProfile(saved, { locate: () => at, locateKey: () => at });
  };
  const locator = { locate: () => ({ source }), locateKey: () => ({ source }) };
  const loaded = { scenario, locator, resolveProfile: (name: string) => name, resolveImage: (path: string) => path };
  return planScenario(loaded, profileNamed);
}
