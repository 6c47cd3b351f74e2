import type { Settings } from './expand.js';
import { AXIS_KEYS, scenarioSchema, type Scalar } from './schema.js';

/** Keys that every id names, in the order of the id. */
const ALWAYS = ['workload', 'apicMode', 'ipiv', 'apHaltPolicy', 'vcpus', 'kvm.version'];

/** Keys that do not change what is measured: named only where a scenario varies them. */
const ONLY_IF_VARIED = ['profile', 'iterations', 'warmup'];

/** `workload=ipi apicMode=xapic ipiv=off apHaltPolicy=spin vcpus=2 kvm.version=v1`, then whatever is not at its default. */
export function caseId(settings: Settings, varying: readonly string[]): string {
  const defaults = defaultSettings();
  const special = AXIS_KEYS.filter((key) => {
    if (ALWAYS.includes(key)) return false;
    return ONLY_IF_VARIED.includes(key) ? varying.includes(key) : settings[key] !== defaults[key];
  });
  return [...ALWAYS, ...special].map((key) => `${key}=${settingText(settings[key])}`).join(' ');
}

/** A value as ids and tables show it. */
export function settingText(value: Scalar): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return value === null ? 'default' : String(value);
}

let defaults: Settings | undefined;

function defaultSettings(): Settings {
  defaults ??= Object.fromEntries(
    Object.entries(scenarioSchema.parse({})).flatMap(([key, value]: [string, unknown]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.entries(value).map(([inner, leaf]) => [`${key}.${inner}`, leaf as Scalar])
        : [[key, value as Scalar]],
    ),
  );
  return defaults;
}
