import { resolve } from 'node:path';
import type { CostProfile } from '../cost/profile.js';
import type { SavedResult } from '../result/saved-result.js';
import { imageDigests, planScenario, type Plan } from '../run/plan.js';
import { bad, type Checked, type Problem } from '../scenario/problem.js';
import { checkProfile } from '../scenario/profile-file.js';
import { schemaOf } from '../scenario/schema.js';
import { validate } from '../scenario/validate.js';

/**
 * The scenario of a saved result, ready to run again with the profiles and the images that it was run with. Paths of
 * images begin at `imageFolder`. Keys that are younger than the result get their defaults; one that this version does not
 * know is a problem.
 */
export function planOf(source: string, saved: SavedResult, imageFolder = '.'): Checked<Plan> {
  const locator = { locate: () => ({ source }), locateKey: () => ({ source }) };
  const scenario = validate(schemaOf(saved.scenario), saved.scenario, locator, 'its scenario');
  if (!scenario.ok) return scenario;
  const { profiles } = saved;
  const profileNamed = (name: string): Checked<CostProfile> => {
    const at = { source: `${source}: profile ${name}` };
    const saved = profiles?.[name];
    if (saved === undefined) return bad({ at, message: 'was not saved', hint: 'run the scenario again' });
    return checkProfile(saved, { locate: () => at, locateKey: () => at });
  };
  const resolveImage = (path: string): string => resolve(imageFolder, path);
  const loaded = {
    scenario: { ...scenario.value, name: saved.scenario.name },
    locator,
    resolveProfile: (name: string) => name,
    resolveImage,
  };
  const plan = planScenario(loaded, profileNamed);
  const others = plan.ok ? otherImages(source, plan.value, saved) : [];
  return others.length > 0 ? bad(...others) : plan;
}

/** Images that are not those of the saved result. */
function otherImages(source: string, { images }: Plan, saved: SavedResult): Problem[] {
  const now = Object.entries(imageDigests(images));
  return now.flatMap(([name, digest]) => {
    const was = saved.images?.[name];
    if (was === digest) return [];
    const message = `image ${name} has ${digest}, but the result was made with ${was ?? 'an unknown one'}`;
    return [{ at: { source }, message, hint: 'name the folder where its path begins: --images DIR' }];
  });
}
