/** Tables of docs/cost-model.md that a profile alone determines. */
import type { CostProfile } from '../../src/cost/profile.js';
import { INSTRUCTION_CLASSES, STEP_NAMES, TICKS_PER_CYCLE, type StepName } from '../../src/cost/step.js';
import { markdownTable } from './markdown.js';

/** Every step with its value, where the value comes from and what pins it. `~`: only the sum of the group is known. */
export function stepTable(profile: CostProfile): string {
  return markdownTable(
    ['step', 'value', 'range', 'source', 'what pins it'],
    STEP_NAMES.map((name) => stepRow(profile, name)),
    [1],
  );
}

function stepRow(profile: CostProfile, name: StepName): string[] {
  const { value, unit, range, source, group, note, suggested } = profile.steps[name];
  const figure = `${group === undefined ? '' : '~'}${cycles(value)}${unit === undefined ? '' : ` ${unit}`}`;
  const pinned =
    group === undefined
      ? note
      : `sum of group ${group} (from the data), share (from the prior, ${cycles(suggested ?? value)}); ${note}`;
  return [`\`${name}\``, figure, range === undefined ? '' : `${range[0]}-${range[1]}`, source, pinned];
}

/** Instruction classes in cycles. */
export function classTable(profile: CostProfile): string {
  return markdownTable(
    ['class', 'cycles', 'source', 'note'],
    INSTRUCTION_CLASSES.map((name) => {
      const { ticks, source, note } = profile.classes[name];
      return [name, String(ticks / TICKS_PER_CYCLE), source, note];
    }),
    [1],
  );
}

/** The free groups: their sums before and after the fit. `times` says how often an IPI pays for a step of a group. */
export function groupTable(profile: CostProfile, times: (step: StepName) => number): string {
  const rows = Object.entries(profile.groups).map(([group, description]) => {
    const steps = STEP_NAMES.filter((name) => profile.steps[name].group === group);
    const sum = (of: (name: StepName) => number): string =>
      cycles(steps.reduce((total, name) => total + times(name) * of(name), 0));
    return [
      group,
      description,
      sum((name) => profile.steps[name].suggested ?? profile.steps[name].value),
      sum((name) => profile.steps[name].value),
      steps.map((name) => (times(name) === 1 ? name : `${times(name)} x ${name}`)).join(', '),
    ];
  });
  return markdownTable(['group', 'what it is', 'suggested', 'fitted', 'steps'], rows, [2, 3]);
}

/** Cycles with the decimals that matter. */
export function cycles(value: number): string {
  return String(Math.round(value * 100) / 100);
}
