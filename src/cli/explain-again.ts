import { GuestFailure } from '../machine/machine-result.js';
import type { ReportedResult } from '../report/html/reported-result.js';
import type { NamedResult } from '../result/compare/align.js';
import type { CaseExplanation } from '../result/explanation.js';
import { sourceOf, type CaseRecord, type RunRecord } from '../result/saved-result.js';
import { explainCase } from '../run/explain-case.js';
import { unitOf, type Plan } from '../run/plan.js';
import type { Progress } from '../run/run-plan.js';
import { problemText } from '../scenario/problem.js';
import { planOf } from './saved-plan.js';

type Explanations = Pick<ReportedResult, 'explanations' | 'timeLineNotes'>;

/**
 * Explains the first cases of a saved result: of each, the run that is nearest to the mean, run once more. An
 * explanation counts only if its average is the one that was saved, to the last bit.
 */
export function explainAgain(
  { name, result }: NamedResult,
  most: number,
  interpreter: () => WebAssembly.Module,
  onProgress: (progress: Progress) => void,
): Explanations {
  const none = (note: string): Explanations => ({
    explanations: new Map(),
    timeLineNotes: [`No time lines: ${note}.`],
  });
  if (sourceOf(result) === 'hardware') return none('nobody can look into the machine on which this was measured');
  if (most === 0) return { explanations: new Map(), timeLineNotes: [] };
  const planned = planOf(name, result);
  if (!planned.ok) return none(`the scenario does not run here: ${planned.problems.map(problemText).join('; ')}`);
  const explanations = new Map<string, CaseExplanation>();
  const obstacles = new Map<string, number>();
  const chosen = result.cases.filter(({ runs }) => runs.length > 0).slice(0, most);
  const module = interpreter();
  for (const [index, record] of chosen.entries()) {
    const explanation = explainRun(module, planned.value, record, nearestRun(record));
    if (typeof explanation === 'string') obstacles.set(explanation, (obstacles.get(explanation) ?? 0) + 1);
    else explanations.set(record.id, explanation);
    onProgress({ done: index + 1, total: chosen.length, caseId: record.id });
  }
  const left = result.cases.length - chosen.length;
  return {
    explanations,
    timeLineNotes: [
      ...[...obstacles].map(([obstacle, count]) => `No time line of ${casesText(count)}: ${obstacle}.`),
      ...(left > 0 ? [`Time lines were made of ${chosen.length} of ${casesText(result.cases.length)}.`] : []),
    ],
  };
}

function casesText(count: number): string {
  return count === 1 ? '1 case' : `${count} cases`;
}

/** The run whose average is nearest to the mean of all; the first of several. */
function nearestRun({ runs }: CaseRecord): RunRecord {
  const mean = runs.reduce((sum, { outer }) => sum + outer, 0) / runs.length;
  const distance = ({ outer }: RunRecord): number => Math.abs(outer - mean);
  return runs.reduce((nearest, run) => (distance(run) < distance(nearest) ? run : nearest));
}

/** The explanation, or why there is none. */
function explainRun(
  interpreter: WebAssembly.Module,
  plan: Plan,
  { id, profile: saved }: CaseRecord,
  { run, outer }: RunRecord,
): CaseExplanation | string {
  const planned = plan.cases.find((each) => each.id === id);
  const profile = planned === undefined ? undefined : plan.profiles.get(planned.profile);
  if (planned === undefined || profile === undefined) return 'this version has no such case';
  const unit = unitOf(plan, planned, run - 1);
  if ('image' in unit) return 'an image does not mark its iterations';
  if (profile.hash !== saved.hash) return `the profile ${saved.name} has changed since`;
  try {
    const explanation = explainCase(interpreter, unit, planned, profile);
    if (explanation.average === outer) return explanation;
    return `this version makes it ${explanation.average} cycles instead of ${outer}`;
  } catch (error) {
    if (error instanceof GuestFailure) return `the guest failed: ${error.message}`;
    throw error;
  }
}
