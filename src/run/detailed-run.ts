import { TICKS_PER_CYCLE } from '../cost/step.js';
import { observeImageCase } from '../machine/image-case.js';
import { IterationFinder } from '../machine/iteration-finder.js';
import { runMachine } from '../machine/machine.js';
import { GuestFailure } from '../machine/machine-result.js';
import { Observation, type ObservedIterations } from '../machine/observation.js';
import type { Role, RoleActivity } from '../result/saved-result.js';
import { activityByRole } from './cpu-roles.js';
import { executeImage } from './execute-image.js';
import type { ImageUnit, ProgramUnit, Unit } from './plan.js';

/** The iteration in the middle is shown; in a long loop one that the steady state has reached long ago will do. */
const LATEST_ITERATION = 512;
/** The doubling rule of kvm-unit-tests: the middle of its first pass. */
const FIRST_PASS_MIDDLE = 32;
/** Observed before the one that is shown, and after it: paths begin in an iteration and may end in the next. */
export const BEFORE = 2;
const AFTER = 2;
const OBSERVED = BEFORE + 1 + AFTER;
/** Iterations from which is told where one begins. */
const SAMPLED = 12;
/** Where in the time of an image an iteration is taken from: in the middle of the last pass, which takes half of it. */
const MIDDLE = 0.75;

/** A run, and a few iterations of it in detail. */
export interface DetailedRun {
  readonly iterations: number;
  /** Cycles per iteration. */
  readonly average: number;
  readonly activity: Readonly<Record<Role, RoleActivity>>;
  readonly seen: ObservedIterations;
  /** Number of the iteration BEFORE in the first timed pass, from 1; null where the guest does not count. */
  readonly iteration: number | null;
}

/** Runs a unit and observes iterations of it. Throws GuestFailure when the run yields no result. */
export function runInDetail(interpreter: WebAssembly.Module, unit: Unit): DetailedRun {
  return 'image' in unit ? observeImage(interpreter, unit) : observeProgram(interpreter, unit);
}

function observeProgram(interpreter: WebAssembly.Module, { options, costs }: ProgramUnit): DetailedRun {
  const { warmup, iterations } = options;
  const middle = iterations === 'kvm-unit-tests' ? FIRST_PASS_MIDDLE : Math.floor(iterations / 2);
  const shown = Math.max(warmup + Math.min(middle, LATEST_ITERATION), BEFORE);
  const observation = new Observation({ skip: shown - BEFORE, iterations: OBSERVED });
  const result = runMachine(options, { interpreter, costs }, observation);
  return {
    iterations: result.iterations,
    average: result.outer,
    activity: activityByRole(result.cpus),
    seen: observation.observed(),
    iteration: shown - warmup + 1,
  };
}

/** An image is run three times: for its result, to find where its iterations begin, and to observe some of them. */
function observeImage(interpreter: WebAssembly.Module, unit: ImageUnit): DetailedRun {
  const { image, options, costs } = unit;
  const { outcome, from, to } = executeImage(interpreter, unit);
  const { iterations, outer: average, activity } = outcome;
  const period = average * TICKS_PER_CYCLE;
  const notBefore = Math.floor(from + MIDDLE * (to - from));
  const finder = new IterationFinder(notBefore, notBefore + SAMPLED * period);
  observeImageCase(image, options, { interpreter, costs }, finder);
  const iteration = finder.iterationStart(period);
  if (iteration === null) {
    const message = 'nothing that the first CPU executes is executed once per iteration';
    throw new GuestFailure(message, Math.floor(notBefore / TICKS_PER_CYCLE), []);
  }
  const observation = new Observation({ skip: 0, iterations: OBSERVED, notBefore, iteration });
  observeImageCase(image, options, { interpreter, costs }, observation);
  return { iterations, average, activity, seen: observation.observed(), iteration: null };
}
