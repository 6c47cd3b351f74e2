import { caseId } from '../../scenario/case-id.js';
import { valueOf } from '../../scenario/expand.js';
import { parseScenario } from '../../scenario/load.js';
import type { Override } from '../../scenario/overrides.js';
import { bad, good, type Checked } from '../../scenario/problem.js';
import { AXIS_KEYS, type Scalar, type Scenario } from '../../scenario/schema.js';
import {
  byMetric,
  byRole,
  RESULT_KIND,
  RESULT_SCHEMA_VERSION,
  summaries,
  type CaseRecord,
  type DeterministicResult,
  type ExitTable,
  type MachineDescription,
  type RunRecord,
} from '../saved-result.js';
import type { ParsedLog, ParsedRun } from './parsed-log.js';

export interface ImportOptions {
  readonly toolVersion: string;
  /** Names the result. */
  readonly name: string;
  readonly machine: MachineDescription;
  /** What was measured, as far as the logs do not say: text of a scenario, and settings that beat it. */
  readonly scenario: { readonly file: string; readonly text: string };
  readonly settings: readonly Override[];
}

/** Puts logs of one machine together to a saved result; runs with equal settings are runs of one case. */
export function importLogs(logs: readonly ParsedLog[], options: ImportOptions): Checked<DeterministicResult> {
  const drafts = new Map<string, Draft>();
  const resolver = new SettingsResolver(options);
  let scenario: Scenario | null = null;
  for (const log of logs) {
    for (const item of [...log.runs, ...log.exitTables]) {
      const resolved = resolver.resolve(item.settings, log);
      if (!resolved.ok) return resolved;
      scenario ??= resolved.value.scenario;
      const workload = 'workload' in item ? item.workload : resolved.value.settings['workload'];
      const settings = { ...resolved.value.settings, workload, profile: HARDWARE };
      const id = caseId(settings, []);
      const draft = drafts.get(id) ?? emptyDraft(id, settings);
      drafts.set(id, draft);
      if ('workload' in item) draft.runs.push(item);
      else draft.exitTables.push(item.table);
    }
  }
  if (scenario === null) throw new Error('logs without a result were to be refused');
  return good(resultOf(scenario, [...drafts.values()], logs, options));
}

/** Stands where emulated results name their profile. */
const HARDWARE = 'hardware';

interface Draft {
  readonly id: string;
  readonly settings: Readonly<Record<string, Scalar>>;
  readonly runs: ParsedRun[];
  readonly exitTables: ExitTable[];
}

function emptyDraft(id: string, settings: Draft['settings']): Draft {
  return { id, settings, runs: [], exitTables: [] };
}

interface Resolved {
  readonly settings: Readonly<Record<string, Scalar>>;
  readonly scenario: Scenario;
}

/** Finds all settings of a run from the scenario, the command line, and what the log says itself. */
class SettingsResolver {
  readonly #options: ImportOptions;
  readonly #known = new Map<string, Checked<Resolved>>();

  constructor(options: ImportOptions) {
    this.#options = options;
  }

  resolve(own: readonly Override[], { vcpus, file }: ParsedLog): Checked<Resolved> {
    const key = JSON.stringify([own.map((each) => [each.key, each.value]), vcpus]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const counted = vcpus === null ? [] : [{ key: 'vcpus', value: String(vcpus), source: file }];
    const resolved = this.#resolve(own, counted);
    this.#known.set(key, resolved);
    return resolved;
  }

  #resolve(own: readonly Override[], counted: readonly Override[]): Checked<Resolved> {
    const { scenario, settings } = this.#options;
    const contradiction = contradictionOf(own, settings);
    if (contradiction !== null) return contradiction;
    const loaded = parseScenario(scenario.file, scenario.text, [...counted, ...settings, ...own]);
    if (!loaded.ok) return loaded;
    const values = AXIS_KEYS.flatMap((key) => {
      const value = valueOf(loaded.value.scenario, key);
      return value === undefined ? [] : [[key, value] as const];
    });
    const open = values.find(([key, value]) => Array.isArray(value) && key !== 'workload' && key !== 'profile');
    if (open !== undefined) {
      const hint = `say which it was: --set ${open[0]}=..., or a line "# ${open[0]}=..." in the log`;
      const message = `leaves "${open[0]}" open: ${JSON.stringify(open[1])}`;
      return bad({ at: loaded.value.locator.locate(open[0].split('.')), message, hint });
    }
    return good({
      settings: Object.fromEntries(values) as Record<string, Scalar>,
      scenario: loaded.value.scenario,
    });
  }
}

/** A log and the command line that say different things about the same run. */
function contradictionOf(own: readonly Override[], given: readonly Override[]): ReturnType<typeof bad> | null {
  for (const { key, value, source } of own) {
    const other = given.findLast((each) => each.key === key);
    if (other === undefined || other.value === value) continue;
    const message = `${key} is ${value}, but the command line says ${other.source}`;
    return bad({ at: { source }, message, hint: 'leave the option out: the log says it itself' });
  }
  return null;
}

function resultOf(
  scenario: Scenario,
  drafts: readonly Draft[],
  logs: readonly ParsedLog[],
  { name, machine, toolVersion }: ImportOptions,
): DeterministicResult {
  return {
    kind: RESULT_KIND,
    schemaVersion: RESULT_SCHEMA_VERSION,
    toolVersion,
    scenario: scenarioOf(scenario, drafts, name),
    seed: 0,
    interrupted: false,
    cases: drafts.map(measuredCase),
    source: HARDWARE,
    machine,
    imported: logs.map(({ file, format, foreign }) => ({
      file: file.replace(/^.*[\\/]/, ''),
      format,
      foreignLines: foreign.length,
    })),
  };
}

/** The scenario that the cases would come from: an array where they differ. */
function scenarioOf(base: Scenario, drafts: readonly Draft[], name: string): Scenario {
  const scenario: Record<string, unknown> = { ...base, name, noise: 'off', seed: 0, exclude: [] };
  scenario['runs'] = Math.max(1, ...drafts.map(({ runs }) => runs.length));
  for (const key of AXIS_KEYS.filter((each) => drafts.some(({ settings }) => each in settings))) {
    const values = [...new Set(drafts.map(({ settings }) => settings[key]))];
    const value = values.length === 1 ? values[0] : values;
    const [outer, inner] = key.split('.') as [string, string | undefined];
    scenario[outer] = inner === undefined ? value : { ...(scenario[outer] as object), [inner]: value };
  }
  return scenario as unknown as Scenario;
}

function measuredCase({ id, settings, runs, exitTables }: Draft): CaseRecord {
  const records = runs.map(runRecord);
  return {
    id,
    settings,
    profile: { name: HARDWARE, hash: '' },
    effective: null,
    runs: records,
    failures: [],
    summary: summaries(records),
    iterations: 0,
    activity: byRole(() => ({ exits: {}, busyCycles: 0, instructions: 0, steps: {} })),
    ...(exitTables.length === 0 ? {} : { exitTables }),
  };
}

/** What the console does not say is null, not 0. */
function runRecord({ average, inner, console }: ParsedRun, index: number): RunRecord {
  const known: Readonly<Record<string, number | null | undefined>> = { average, 'inner-average': inner };
  const samples = byMetric((metric) => known[metric] ?? null);
  return { run: index + 1, iterations: 0, outer: average, inner, samples, console };
}
