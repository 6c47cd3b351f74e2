/**
 * One run of an image as a workload. Its number is what it prints itself, `NAME CYCLES` and perhaps `  ipi NAME CYCLES`;
 * counts are taken between the end of the line above and that line. docs/images.md says what they mean.
 */
import { TICKS_PER_CYCLE } from '../cost/step.js';
import type { ConsoleLine } from '../machine/console-log.js';
import { runImageCase } from '../machine/image-case.js';
import { iterationsOf } from '../machine/image-iterations.js';
import { testNameOf, type GuestOptions } from '../machine/image-options.js';
import { GuestFailure } from '../machine/machine-result.js';
import type { RunOutcome } from '../result/saved-result.js';
import { activityByRole } from './cpu-roles.js';
import type { ImageUnit } from './plan.js';

/** What came of a run, and when. */
export interface TimedOutcome {
  readonly outcome: RunOutcome;
  /** When the time begins and ends to which the counts belong, in ticks. */
  readonly from: number;
  readonly to: number;
}

/** Runs an image once. Throws GuestFailure when it does not end with 0, or prints no number that can be used. */
export function executeImage(interpreter: WebAssembly.Module, { image, options, costs }: ImageUnit): TimedOutcome {
  const { console, effective, cycles } = runImageCase(image, options, { interpreter, costs });
  const fail = (message: string): GuestFailure =>
    new GuestFailure(
      message,
      cycles,
      console.map(({ text }) => `console: ${text}`),
    );
  const test = testNameOf(options.workload);
  const results = [...console.keys()].filter((line) => cyclesIn(console[line], test) !== null);
  if (results.length !== 1) throw fail(countText(console, test, results.length));
  const [line] = results;
  const { before, cyclesBefore, at } = console[line];
  const outer = cyclesIn(console[line], test) ?? 0;
  const iterations = iterationsOf(options.guest.iterations, outer, cyclesBefore);
  if (iterations === null) throw fail(ruleText(options.guest.iterations, test, outer, cyclesBefore));
  const lines = console.slice(line).map(({ text }) => text);
  const outcome = {
    iterations,
    outer,
    inner: cyclesIn(console.at(line + 1), `  ipi ${test}`),
    lineTransfers: before.reduce((sum, { steps }) => sum + (steps['line-transfer']?.count ?? 0), 0),
    activity: activityByRole(before),
    console: lines.filter((text, index) => index === 0 || isSecondLine(text, test)),
    effective,
  };
  return { outcome, from: at - cyclesBefore * TICKS_PER_CYCLE, to: at };
}

/** `ipi 3642` -> 3642; null where the line is another one, or there is none. */
function cyclesIn(line: ConsoleLine | undefined, label: string): number | null {
  const digits = line?.text.startsWith(`${label} `) === true ? line.text.slice(label.length + 1) : '';
  return /^\d+$/.test(digits) ? Number(digits) : null;
}

function isSecondLine(text: string, test: string): boolean {
  return text.startsWith(`  ipi ${test} `) || text.startsWith(`  eoi ${test} `);
}

function countText(console: readonly ConsoleLine[], test: string, count: number): string {
  if (count > 1) return `the image printed ${count} lines "${test} CYCLES": which one counts is not known`;
  const skipped = console.some(({ text }) => text === `${test} (skipped)`);
  return skipped ? `the image skipped ${test}` : `the image printed no line "${test} CYCLES"`;
}

function ruleText(rule: GuestOptions['iterations'], test: string, average: number, cycles: number): string {
  const said = rule === 'kvm-unit-tests' ? 'the doubling rule of kvm-unit-tests' : `guest.iterations=${rule}`;
  return `${Math.floor(cycles)} cycles passed before "${test} ${average}", which ${said} does not account for`;
}
