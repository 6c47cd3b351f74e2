import type { Settings } from './expand.js';
import { AXIS_KEYS, imageScenarioSchema, scenarioSchema, type Scalar } from './schema.js';

/** Keys that every id names, in the order of the id. */
const ALWAYS = ['workload', 'apicMode', 'ipiv', 'apHaltPolicy', 'vcpus', 'kvm.version'];

/** Keys that do not change what is measured: named only where a scenario varies them. */
const ONLY_IF_VARIED = ['profile', 'iterations', 'warmup', 'guest.timeoutSeconds'];

/** `workload=ipi apicMode=xapic ipiv=off apHaltPolicy=spin vcpus=2 kvm.version=v1`, then whatever is not at its default. */
export function caseId(settings: Settings, varying: readonly string[]): string {
  const defaults = defaultSettings();
  const special = AXIS_KEYS.filter((key) => {
    if (ALWAYS.includes(key) || !(key in settings)) return false;
    return ONLY_IF_VARIED.includes(key) ? varying.includes(key) : settings[key] !== defaults[key];
  });
  return [...ALWAYS, ...special].map((key) => `${key}=${settingText(settings[key])}`).join(' ');
}

/** A value as ids and tables show it: a word without spaces. */
export function settingText(value: Scalar): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return value === null ? 'default' : String(value).replace(/[\s%]/g, encodeURIComponent);
}

let defaults: Settings | undefined;

/** Of both kinds of scenarios; keys that they share and that ids do not always name have the same default in both. */
function defaultSettings(): Settings {
  const withImage = leaves(imageScenarioSchema.parse({ guest: { image: 'any' } }));
  defaults ??= { ...withImage, 'guest.image': null, ...leaves(scenarioSchema.parse({})) };
  return defaults;
}

function leaves(scenario: object): Settings {
  return Object.fromEntries(
    Object.entries(scenario).flatMap(([key, value]: [string, unknown]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.entries(value).map(([inner, leaf]) => [`${key}.${inner}`, leaf as Scalar])
        : [[key, value as Scalar]],
    ),
  );
}
