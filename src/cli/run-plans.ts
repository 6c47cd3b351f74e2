import { join } from 'node:path';
import { FORMATS, type FormatName } from '../report/format.js';
import type { Style } from '../report/style.js';
import { writeOutput } from '../result/output-file.js';
import { resultText, sealResult, type SavedResult } from '../result/saved-result.js';
import { threadEngine, type Engine } from '../run/engine.js';
import type { Plan } from '../run/plan.js';
import { runPlan } from '../run/run-plan.js';
import { bad, good, type Checked, type Problem } from '../scenario/problem.js';
import { loadInterpreter } from '../machine/interpreter.js';
import { complain, print, tell } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';
import type { Output } from './output-option.js';
import { FILE_STYLE } from './output-style.js';
import { toolVersion } from './package-file.js';
import { ProgressLine } from './progress.js';

export interface RunSettings {
  readonly jobs: number;
  readonly outputs: readonly Output[];
  /** Folder of saved results; null saves nothing. */
  readonly saveDir: string | null;
  readonly style: Style;
}

/** What ends a run early. */
export interface StopSignals {
  /** The user: what is finished is saved. */
  readonly interrupt: AbortSignal;
  /** Something that makes the result pointless: nothing is saved. */
  readonly superseded?: AbortSignal;
}

/** Runs the plans one after the other; each is saved and reported before the next begins. */
export async function runPlans(
  plans: readonly Plan[],
  settings: RunSettings,
  { interrupt, superseded }: StopSignals,
): Promise<ExitCode> {
  const units = Math.max(...plans.map(({ cases, scenario }) => cases.length * scenario.runs));
  const opened = openEngine(Math.min(settings.jobs, units));
  if (!opened.ok) return complain(opened.problems);
  const engine = opened.value;
  const signal = AbortSignal.any([interrupt, ...(superseded === undefined ? [] : [superseded])]);
  let code: ExitCode = EXIT.DONE;
  try {
    for (const plan of plans) {
      const result = await measure(plan, engine, signal);
      if (superseded?.aborted === true && !interrupt.aborted) break;
      code = worse(code, await deliver(result, settings, plans.length > 1));
      if (signal.aborted) break;
    }
  } finally {
    await engine.close();
  }
  return code;
}

/** An engine with the built interpreter. */
export function openEngine(jobs: number): Checked<Engine> {
  let interpreter: WebAssembly.Module;
  try {
    interpreter = loadInterpreter();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const source = 'build/interpreter.wasm';
    return bad({ at: { source }, message: 'the interpreter was not built', hint: 'run `npm run build`' });
  }
  return good(threadEngine(interpreter, jobs));
}

async function measure(plan: Plan, engine: Engine, signal: AbortSignal): Promise<SavedResult> {
  const line = new ProgressLine(plan.scenario.name);
  line.show({ done: 0, total: plan.cases.length * plan.scenario.runs, caseId: '' });
  const started = performance.now();
  const version = toolVersion();
  const deterministic = await runPlan(plan, engine, {
    toolVersion: version,
    signal,
    onProgress: (progress) => line.show(progress),
  });
  line.clear();
  return sealResult(deterministic, {
    date: new Date().toISOString(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    jobs: engine.jobs,
    wallSeconds: Math.round(performance.now() - started) / 1000,
  });
}

/** Saves first, so that nothing that happens to a report loses the result. */
async function deliver(result: SavedResult, settings: RunSettings, several: boolean): Promise<ExitCode> {
  const problems: Problem[] = [];
  const report = (problem: Problem | null): void => {
    if (problem !== null) problems.push(problem);
  };
  if (hasRuns(result)) {
    if (settings.saveDir !== null) report(save(result, settings.saveDir));
    const last = several ? undefined : settings.outputs.findLast(({ file }) => file === null);
    for (const output of settings.outputs) report(await write(result, output, settings.style, output !== last));
  }
  return outcomeCode(result, problems);
}

function save(result: SavedResult, folder: string): Problem | null {
  const file = join(
    folder,
    `${result.scenario.name}-${result.digest.slice('sha256:'.length, 'sha256:'.length + 10)}.json`,
  );
  const problem = writeOutput(file, resultText(result));
  if (problem !== null) return { ...problem, hint: `${problem.hint}, or use --save-dir DIR or --no-save` };
  tell(`saved ${file}`);
  return null;
}

/** Formats for people: a blank line parts them from what follows. */
const TEXTS: readonly FormatName[] = ['table', 'plot'];

async function write(result: SavedResult, output: Output, style: Style, isFollowed: boolean): Promise<Problem | null> {
  const format = await FORMATS[output.format].load();
  if (output.file !== null) return writeOutput(output.file, format.render(result, FILE_STYLE));
  const text = format.render(result, style);
  return print(isFollowed && TEXTS.includes(output.format) ? `${text}\n` : text);
}

function outcomeCode(result: SavedResult, problems: readonly Problem[]): ExitCode {
  const inputError = problems.length > 0 ? complain(problems) : EXIT.DONE;
  const failures = result.cases.flatMap(({ id, failures: each }) => each.map((failure) => ({ id, ...failure })));
  for (const { id, run, message, cycles } of failures.slice(0, 3)) {
    tell(`error: the guest failed in run ${run} of ${id} after ${cycles} cycles: ${message}`);
  }
  for (const line of failures.at(0)?.details ?? []) tell(`  ${line}`);
  if (failures.length > 3) tell(`error: ${failures.length - 3} more runs failed`);
  if (result.interrupted) {
    const done = result.cases.reduce((sum, { runs }) => sum + runs.length, 0);
    tell(`interrupted after ${done} of ${result.cases.length * result.scenario.runs} runs`);
    return EXIT.INTERRUPTED;
  }
  return worse(inputError, failures.length > 0 ? EXIT.GUEST_FAILED : EXIT.DONE);
}

function hasRuns({ cases }: SavedResult): boolean {
  return cases.some(({ runs, failures }) => runs.length > 0 || failures.length > 0);
}

function worse(a: ExitCode, b: ExitCode): ExitCode {
  return a > b ? a : b;
}
