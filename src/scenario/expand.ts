import { caseId } from './case-id.js';
import type { LoadedScenario } from './load.js';
import { bad, good, type Checked, type Problem } from './problem.js';
import { AXIS_KEYS, type CaseOptions, type Scalar, type Scenario } from './schema.js';

/** One value per axis key that the scenario has, by dotted key. */
export type Settings = Readonly<Record<string, Scalar>>;

/** One point of the cross product. */
export interface Case {
  /** Names the case in results: equal ids are comparable. */
  readonly id: string;
  readonly settings: Settings;
  readonly options: CaseOptions;
  /** Profile as the scenario names it. */
  readonly profile: string;
}

/** Says why no machine can be built from a case; the path leads to the option at fault. */
export type Impossibility = (options: CaseOptions) => readonly {
  readonly path: readonly string[];
  readonly message: string;
  readonly hint: string;
}[];

/** All cases of a scenario in the order of its axes, without what it excludes; or why one of them cannot be. */
export function expandCases(
  { scenario, locator }: LoadedScenario,
  impossible: Impossibility,
): Checked<readonly Case[]> {
  const axes = axesOf(scenario);
  const cases = product(axes)
    .filter((settings) => !isExcluded(scenario, settings))
    .map((settings) => toCase(settings, axes));
  if (cases.length === 0) {
    return bad({ at: locator.locateKey(['exclude']), message: 'no case is left', hint: 'exclude less' });
  }
  const problems = [...repeated(axes, locator), ...impossibilities(cases, locator, impossible)];
  return problems.length > 0 ? bad(...problems) : good(cases);
}

type Axes = readonly (readonly [key: string, values: readonly Scalar[]])[];

/** Keys with more than one value in this scenario. */
export function varyingKeys(scenario: Scenario): string[] {
  return axesOf(scenario).flatMap(([key, values]) => (values.length > 1 ? [key] : []));
}

function axesOf(scenario: Scenario): Axes {
  return AXIS_KEYS.flatMap((key) => {
    const value = valueOf(scenario, key);
    return value === undefined ? [] : [[key, [value].flat()]];
  });
}

/** What a scenario has under a dotted key; undefined where the key does not apply to it. */
export function valueOf(scenario: object, dotted: string): Scalar | readonly Scalar[] | undefined {
  const value = dotted
    .split('.')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], scenario);
  return value as Scalar | readonly Scalar[] | undefined;
}

function product(axes: Axes): Settings[] {
  return axes.reduce<Settings[]>(
    (partial, [key, values]) => partial.flatMap((settings) => values.map((value) => ({ ...settings, [key]: value }))),
    [{}],
  );
}

function isExcluded(scenario: Scenario, settings: Settings): boolean {
  return scenario.exclude.some((exclusion) =>
    flatten(exclusion).every(([key, values]) => values.includes(settings[key])),
  );
}

function flatten(exclusion: object, prefix = ''): [key: string, values: readonly Scalar[]][] {
  return Object.entries(exclusion).flatMap(([key, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? flatten(value, `${prefix}${key}.`)
      : [[`${prefix}${key}`, [value].flat() as Scalar[]]],
  );
}

function toCase(settings: Settings, axes: Axes): Case {
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(settings)) {
    const dot = key.indexOf('.');
    const outer = key.slice(0, Math.max(dot, 0));
    if (dot < 0) options[key] = value;
    else options[outer] = { ...(options[outer] as object | undefined), [key.slice(dot + 1)]: value };
  }
  const { profile, ...machine } = options;
  const varying = axes.filter(([, values]) => values.length > 1).map(([key]) => key);
  return {
    id: caseId(settings, varying),
    settings,
    options: machine as unknown as CaseOptions,
    profile: profile as string,
  };
}

function repeated(axes: Axes, locator: LoadedScenario['locator']): Problem[] {
  return axes.flatMap(([key, values]) => {
    const index = values.findIndex((value, at) => values.indexOf(value) !== at);
    if (index < 0) return [];
    const at = locator.locate([...key.split('.'), index]);
    return [{ at, message: `"${key}" lists ${JSON.stringify(values[index])} twice`, hint: 'remove one' }];
  });
}

function impossibilities(
  cases: readonly Case[],
  locator: LoadedScenario['locator'],
  impossible: Impossibility,
): Problem[] {
  const problems = new Map<string, Problem>();
  for (const { id, options } of cases) {
    for (const { path, message, hint } of impossible(options)) {
      const key = `${path.join('.')} ${message}`;
      if (!problems.has(key)) problems.set(key, { at: locator.locate(path), message: `${message} (case ${id})`, hint });
    }
  }
  return [...problems.values()];
}
