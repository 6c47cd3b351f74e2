/**
 * The steps that one IPI costs sender and target, in order: taken from a complete machine in which every IPI finds the
 * target settled.
 */
import { STEP, TICKS_PER_CYCLE, type CostTable, type StepName } from '../../src/cost/step.js';
import { loggedRun, type Charge } from './charge-log.js';
import { defaultCosts, type CaseOptions } from './whole-machine.js';

/** Steps are this much cheaper than in the profile, so that the 2000 cycles between two IPIs of ipi-halt are long. */
const CHEAPER = 8;
/** A pause of the sender that long lies between two IPIs. */
const GAP_TICKS = 1500 * TICKS_PER_CYCLE;
/** IPIs looked at; all of them must take the same path. */
const COMPARED = 4;
/** Untimed iterations behind the timed loop, and the last IPI, which nothing follows. */
const LAST = 9;

export interface StepPath {
  readonly sender: readonly StepName[];
  readonly target: readonly StepName[];
}

/** Costs of single steps, in cycles. */
export type StepCosts = Partial<Record<keyof typeof STEP, number>>;

/** The path of an IPI of `ipi-halt`. Line transfers are left out; iterations of halt polling in a row count as one. */
export function stepPath(options: CaseOptions, steps: StepCosts = {}): StepPath {
  const { charges } = loggedRun({ workload: 'ipi-halt', iterations: 16, ...options }, {}, cheapCosts(steps));
  const starts = ipiStarts(charges[0]);
  const paths = Array.from({ length: COMPARED }, (_, index) => {
    const at = starts.length - LAST - 1 - index;
    const [sender, target] = charges.map((each) => stepsBetween(each, starts[at], starts[at + 1]));
    return { sender, target };
  });
  const [first, ...others] = paths;
  if (others.some((path) => JSON.stringify(path) !== JSON.stringify(first))) {
    throw new Error(`IPIs take different paths: ${JSON.stringify(paths, null, 1)}`);
  }
  return first;
}

function cheapCosts(steps: StepCosts): CostTable {
  const costs = defaultCosts();
  const stepTicks = costs.stepTicks.map((ticks) => Math.ceil(ticks / CHEAPER));
  for (const [step, cycles] of Object.entries(steps))
    stepTicks[STEP[step as keyof typeof STEP]] = cycles * TICKS_PER_CYCLE;
  return { ...costs, stepTicks };
}

/** When the sender begins with each IPI: its first charge after a pause. */
function ipiStarts(sender: readonly Charge[]): number[] {
  return sender.filter(({ at }, index) => at - (sender[index - 1]?.at ?? 0) > GAP_TICKS).map(({ at }) => at);
}

function stepsBetween(charges: readonly Charge[], from: number, to: number): StepName[] {
  return charges
    .filter(({ step, at }) => step !== 'line-transfer' && at >= from && at < to)
    .map(({ step }) => step)
    .filter((step, index, all) => step !== 'halt-poll-iteration' || all[index - 1] !== step);
}
