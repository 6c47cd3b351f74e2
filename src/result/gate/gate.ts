import { METRICS, type MetricName } from '../metric.js';
import { ROLES, sourceOf, type CaseRecord, type SavedResult } from '../saved-result.js';

/** By how much a metric may grow, or what it must not exceed. */
export type Limit =
  { readonly kind: 'increase'; readonly fraction: number } | { readonly kind: 'ceiling'; readonly value: number };

export interface MetricLimit {
  readonly metric: MetricName;
  readonly limit: Limit;
}

/** Exact: nothing may change in either direction. Otherwise only the given limits count. */
export interface GateRules {
  readonly exact: boolean;
  readonly limits: readonly MetricLimit[];
}

/** A figure that is not what it was. Figures are per iteration. */
export interface Difference {
  readonly figure: string;
  readonly before: number;
  readonly after: number;
  /** The most that it may be, where a limit was given. */
  readonly limit?: number;
}

export interface Row {
  readonly id: string;
  readonly status: 'same' | 'moved' | 'over limit' | 'missing' | 'inconclusive';
  readonly differences: readonly Difference[];
  readonly reason: string;
}

export interface GateReport {
  readonly verdict: 'passed' | 'failed' | 'inconclusive';
  readonly rows: readonly Row[];
  /** What differs between the two results without being a reason: profile, version, settings. */
  readonly notes: readonly string[];
}

/** Fewest samples on each side when the two results do not share their random placements. */
const FEWEST_SAMPLES = 5;

/** Compares a result with a baseline, row by row: rows are cases with the same id. */
export function gate(baseline: SavedResult, current: SavedResult, rules: GateRules): GateReport {
  const later = new Map(current.cases.map((each) => [each.id, each]));
  const paired = baseline.seed === current.seed && baseline.scenario.noise === current.scenario.noise;
  const rows = baseline.cases.map((before) => judge(before, later.get(before.id), rules, paired));
  return { verdict: verdictOf(rows), rows, notes: notes(baseline, current) };
}

function verdictOf(rows: readonly Row[]): GateReport['verdict'] {
  if (rows.every(({ status }) => status === 'missing' || status === 'inconclusive')) return 'inconclusive';
  if (rows.some(({ status }) => status === 'moved' || status === 'over limit' || status === 'missing')) return 'failed';
  return rows.some(({ status }) => status === 'inconclusive') ? 'inconclusive' : 'passed';
}

function judge(before: CaseRecord, after: CaseRecord | undefined, rules: GateRules, paired: boolean): Row {
  const { id } = before;
  if (after === undefined) return { id, status: 'missing', differences: [], reason: 'not in the current result' };
  const doubt = tooFewSamples(before, after, rules.exact, paired);
  if (doubt !== null) return { id, status: 'inconclusive', differences: [], reason: doubt };
  const changed = rules.exact ? differences(before, after) : [];
  if (changed.length > 0) return { id, status: 'moved', differences: changed, reason: '' };
  return judgeLimits(before, after, rules.limits);
}

function judgeLimits(before: CaseRecord, after: CaseRecord, limits: readonly MetricLimit[]): Row {
  const { id } = before;
  const over: Difference[] = [];
  for (const { metric, limit } of limits) {
    const was = before.summary[metric]?.mean;
    const is = after.summary[metric]?.mean;
    if (was === undefined || is === undefined) {
      return { id, status: 'inconclusive', differences: [], reason: `has no metric "${metric}"` };
    }
    const most = limit.kind === 'ceiling' ? limit.value : was * (1 + limit.fraction);
    if (is > most) over.push({ figure: metric, before: was, after: is, limit: most });
  }
  return { id, status: over.length > 0 ? 'over limit' : 'same', differences: over, reason: '' };
}

function tooFewSamples(before: CaseRecord, after: CaseRecord, exact: boolean, paired: boolean): string | null {
  const [was, is] = [before.runs.length, after.runs.length];
  if (is === 0 || was === 0) return 'has no finished run';
  if (exact && is !== was) return `runs: ${is} against ${was} in the baseline`;
  const enough = paired && is === was ? 1 : FEWEST_SAMPLES;
  if (Math.min(was, is) >= enough) return null;
  return `${Math.min(was, is)} runs with different random placements: at least ${FEWEST_SAMPLES} are needed`;
}

/** Every figure of a case that differs: averages, exits, CPU cycles, step totals. */
function differences(before: CaseRecord, after: CaseRecord): Difference[] {
  const was = figures(before);
  const is = figures(after);
  const names = new Set([...was.keys(), ...is.keys()]);
  return [...names].flatMap((figure) => {
    const change = { figure, before: was.get(figure) ?? 0, after: is.get(figure) ?? 0 };
    return change.before === change.after ? [] : [change];
  });
}

/** All figures of a case by name, the important ones first. */
function figures(record: CaseRecord): Map<string, number> {
  const result = new Map<string, number>();
  for (const metric of Object.keys(METRICS) as MetricName[]) {
    const mean = record.summary[metric]?.mean;
    if (mean !== undefined) result.set(metric, mean);
  }
  record.runs.forEach(({ run, outer, inner }) => {
    result.set(`run ${run} cycles`, outer);
    result.set(`run ${run} inner cycles`, inner ?? 0);
  });
  if (record.iterations > 0) for (const role of ROLES) addActivity(result, record, role);
  return result;
}

function addActivity(
  result: Map<string, number>,
  { activity, iterations }: CaseRecord,
  role: (typeof ROLES)[number],
): void {
  const { exits, instructions, busyCycles, steps } = activity[role];
  result.set(`${role} busy cycles`, busyCycles / iterations);
  result.set(`${role} instructions`, instructions / iterations);
  for (const [reason, count] of Object.entries(exits)) result.set(`${role} exits ${reason}`, count / iterations);
  for (const [step, { count, cycles }] of Object.entries(steps)) {
    result.set(`${role} step ${step} count`, count / iterations);
    result.set(`${role} step ${step} cycles`, cycles / iterations);
  }
}

function notes(baseline: SavedResult, current: SavedResult): string[] {
  const result: string[] = [];
  const compare = (what: string, before: unknown, after: unknown): void => {
    if (before !== after) result.push(`${what}: ${String(before)} in the baseline, ${String(after)} now`);
  };
  compare('source', sourceOf(baseline), sourceOf(current));
  compare('version', baseline.toolVersion, current.toolVersion);
  compare('profile', profiles(baseline), profiles(current));
  compare('seed', baseline.seed, current.seed);
  compare('noise', baseline.scenario.noise, current.scenario.noise);
  compare('iterations', settings(baseline, 'iterations'), settings(current, 'iterations'));
  const known = new Set(baseline.cases.map(({ id }) => id));
  const added = current.cases.filter(({ id }) => !known.has(id));
  if (added.length > 0)
    result.push(`${added.length} case(s) not in the baseline: ${added[0].id}${added.length > 1 ? ', ...' : ''}`);
  if (current.interrupted) result.push('the current result was interrupted');
  return result;
}

function profiles({ cases }: SavedResult): string {
  return [...new Set(cases.map(({ profile }) => `${profile.name} (${profile.hash.slice(0, 12)})`))].join(', ');
}

function settings({ cases }: SavedResult, key: string): string {
  return [...new Set(cases.map((each) => String(each.settings[key])))].join(', ');
}
