import { sourceOf, type CaseRecord, type SavedResult } from '../saved-result.js';
import { exactDifferences, unsharedMetrics } from './exact.js';
import type { GateReport, Row } from './gate-report.js';
import { judge, type Judgement, type Side } from './judgement.js';
import type { GateRules, Limit } from './limit.js';
import { gateNotes } from './notes.js';

/** Fewest samples on each side when two emulated results do not share their random placements. */
const FEWEST_SAMPLES = 5;

/** Compares a result with a baseline, row by row: rows are cases with the same id. */
export function gate(baseline: SavedResult, current: SavedResult, rules: GateRules): GateReport {
  const later = new Map(current.cases.map((each) => [each.id, each]));
  const judgeCase = caseJudge(baseline, current, rules);
  const rows = baseline.cases.map((before) => {
    const after = later.get(before.id);
    return after === undefined ? row(before, 'missing', 'not in the current result') : judgeCase(before, after);
  });
  return {
    verdict: verdictOf(rows),
    rules,
    rows,
    baselineReason: baseline.baseline?.reason ?? null,
    notes: gateNotes(baseline, current, rules),
  };
}

function verdictOf(rows: readonly Row[]): GateReport['verdict'] {
  if (rows.every(({ status }) => status === 'missing' || status === 'inconclusive')) return 'inconclusive';
  if (rows.some(({ status }) => status === 'moved' || status === 'over limit' || status === 'missing')) return 'failed';
  return rows.some(({ status }) => status === 'inconclusive') ? 'inconclusive' : 'passed';
}

function row({ id }: CaseRecord, status: Row['status'], reason = '', differences: Row['differences'] = []): Row {
  return { id, status, differences, reason };
}

/** How a case is judged depends on where the two results come from. */
function caseJudge(
  baseline: SavedResult,
  current: SavedResult,
  rules: GateRules,
): (before: CaseRecord, after: CaseRecord) => Row {
  const measured = [baseline, current].map((result) => sourceOf(result) === 'hardware');
  const anyMeasured = measured.includes(true);
  const paired = baseline.seed === current.seed && baseline.scenario.noise === current.scenario.noise;
  return (before, after) => {
    const doubt =
      unfinished('baseline', baseline, before) ??
      unfinished('current result', current, after) ??
      (anyMeasured ? noExactness(rules) : tooFewSamples(before, after, rules.exact, paired));
    const failure = newFailure(before, after);
    if (failure !== null) return row(before, 'moved', failure);
    if (doubt !== null) return row(before, 'inconclusive', doubt);
    return rules.exact ? judgeExactly(before, after) : judgeLimits(before, after, rules.limits, measured);
  };
}

/** Why a case of an interrupted result says nothing, or null: the mean of its first runs is not that of all. */
function unfinished(which: string, { interrupted, scenario }: SavedResult, { runs, failures }: CaseRecord) {
  const done = runs.length + failures.length;
  return interrupted && done < scenario.runs
    ? `the ${which} was interrupted after ${done} of ${scenario.runs} runs`
    : null;
}

/** A guest that used to get through and now fails is worse than any figure. */
function newFailure(before: CaseRecord, { failures }: CaseRecord): string | null {
  if (failures.length <= before.failures.length) return null;
  return `${failures.length} run${failures.length === 1 ? '' : 's'} failed: ${failures[0].message}`;
}

function noExactness({ exact }: GateRules): string | null {
  return exact ? 'measured figures never repeat exactly: judge them by limits, such as --max-increase 2%' : null;
}

function tooFewSamples(before: CaseRecord, after: CaseRecord, exact: boolean, paired: boolean): string | null {
  const [was, is] = [before.runs.length, after.runs.length];
  if (is === 0 || was === 0) return 'has no finished run';
  if (exact && is !== was) return `runs: ${is} against ${was} in the baseline`;
  const enough = paired && is === was ? 1 : FEWEST_SAMPLES;
  if (Math.min(was, is) >= enough) return null;
  return `${Math.min(was, is)} runs with different random placements: at least ${FEWEST_SAMPLES} are needed`;
}

function judgeExactly(before: CaseRecord, after: CaseRecord): Row {
  const unshared = unsharedMetrics(before, after).at(0);
  if (unshared !== undefined) return row(before, 'inconclusive', `only one of the two has the metric "${unshared}"`);
  const changed = exactDifferences(before, after);
  return row(before, changed.length > 0 ? 'moved' : 'same', '', changed);
}

function judgeLimits(
  before: CaseRecord,
  after: CaseRecord,
  limits: readonly Limit[],
  measured: readonly boolean[],
): Row {
  const judgements: Judgement[] = [];
  for (const limit of limits) {
    const [was, is] = [before, after].map((record, index) => side(record, limit, measured[index]));
    if (was === null || is === null) return row(before, 'inconclusive', `has no metric "${limit.metric}"`);
    judgements.push(...judge(limit, was, is));
  }
  return limitRow(before, judgements);
}

function side({ runs }: CaseRecord, { metric }: Limit, measured: boolean): Side | null {
  const samples = runs.map((run) => run.samples[metric]).filter((sample) => sample !== null);
  return samples.length === 0 ? null : { samples, measured };
}

/** What is within its limit is shown only where it was measured: there the evidence matters. */
function limitRow(before: CaseRecord, judgements: readonly Judgement[]): Row {
  const has = (outcome: Judgement['outcome']): boolean => judgements.some((each) => each.outcome === outcome);
  const shown = judgements.filter(({ outcome, difference: { test, interval } }) => {
    return outcome !== 'within' || test !== undefined || interval !== undefined;
  });
  const differences = shown.map(({ difference }) => difference);
  if (has('over')) return row(before, 'over limit', '', differences);
  if (!has('open')) return row(before, 'same', '', differences);
  const reasons = new Set(judgements.flatMap(({ outcome, reason }) => (outcome === 'open' ? [reason] : [])));
  return row(before, 'inconclusive', [...reasons].join('; '), differences);
}
