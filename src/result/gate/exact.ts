import { METRICS, type MetricName } from '../metric.js';
import { ROLES, type CaseRecord } from '../saved-result.js';
import type { Difference } from './gate-report.js';

/** Every figure of a case that differs: averages, exits, CPU cycles, step totals. */
export function exactDifferences(before: CaseRecord, after: CaseRecord): Difference[] {
  const was = figures(before);
  const is = figures(after);
  const names = new Set([...was.keys(), ...is.keys()]);
  return [...names].flatMap((figure) => {
    const change = { figure, before: was.get(figure) ?? 0, after: is.get(figure) ?? 0 };
    return change.before === change.after ? [] : [change];
  });
}

/** Metrics that only one of the two has: nothing can be said about them. */
export function unsharedMetrics(before: CaseRecord, after: CaseRecord): MetricName[] {
  const names = Object.keys(METRICS) as MetricName[];
  return names.filter((metric) => (before.summary[metric] === null) !== (after.summary[metric] === null));
}

/** All figures of a case by name, the important ones first. What was counted and is absent is 0. */
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
