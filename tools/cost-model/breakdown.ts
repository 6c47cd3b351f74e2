/** Where the cycles of one IPI go in the four published cases. */
import { STEP_NAMES, type StepName } from '../../src/cost/step.js';
import { ROLES, type RunOutcome } from '../../src/result/saved-result.js';
import { markdownTable } from './markdown.js';
import type { MeasuredCase } from './measured-case.js';
import { cycles } from './profile-tables.js';

const ROLE_NAMES = ROLES.filter((role) => role !== 'others');

/** One row per CPU and step, one column per case: how often an IPI pays for the step, and how many cycles that is. */
export function breakdownTable(cases: readonly MeasuredCase[]): string {
  const names = [...STEP_NAMES, 'guest-instructions'];
  const rows = ROLE_NAMES.flatMap((role) =>
    names
      .filter((name) => cases.some(({ outcome }) => name in outcome.activity[role].steps))
      .map((name) => [role, `\`${name}\``, ...cases.map(({ outcome }) => cell(outcome, role, name))]),
  );
  return markdownTable(['CPU', 'step', ...cases.map(caseTitle)], rows, [2, 3, 4, 5]);
}

/** `xAPIC off`, as the published table calls its columns. */
export function caseTitle({ each }: MeasuredCase): string {
  const { apicMode, ipiv } = each.options;
  return `${apicMode === 'xapic' ? 'xAPIC' : 'x2APIC'} ${ipiv ? 'on' : 'off'}`;
}

/** How often an IPI of a case pays for a step, on both CPUs. */
export function timesPerIpi({ iterations, activity }: RunOutcome, name: StepName): number {
  const count = ROLE_NAMES.reduce(
    (sum, role) => sum + (name in activity[role].steps ? activity[role].steps[name].count : 0),
    0,
  );
  return Math.round(count / iterations);
}

function cell({ iterations, activity }: RunOutcome, role: 'sender' | 'target', name: string): string {
  if (!(name in activity[role].steps)) return '';
  const total = activity[role].steps[name];
  const times = total.count / iterations;
  const spent = cycles(Math.round((total.cycles / iterations) * 10) / 10);
  const often = Math.abs(times - 1) < 0.01 || name === 'guest-instructions';
  return often ? spent : `${cycles(Math.round(times * 10) / 10)} x = ${spent}`;
}
