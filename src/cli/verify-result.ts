import { gateText } from '../report/gate-text.js';
import type { Style } from '../report/style.js';
import { gate } from '../result/gate/gate.js';
import { sealResult, sourceOf, type SavedResult } from '../result/saved-result.js';
import { profileHash } from '../cost/profile-hash.js';
import { readProfile } from '../scenario/profile-file.js';
import { runPlan } from '../run/run-plan.js';
import { complain, print, tell } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { interruptSignal } from './interrupt.js';
import { toolVersion } from './package-file.js';
import { ProgressLine } from './progress.js';
import { openEngine } from './run-plans.js';
import { planOf } from './saved-plan.js';

export interface VerifyOptions {
  readonly jobs: number;
  /** Folder where the paths of images begin. */
  readonly images: string;
}

/** Runs the scenario of a saved result again and says whether the same came out, to the last bit. */
export async function verifyResult(
  file: string,
  saved: SavedResult,
  { jobs, images }: VerifyOptions,
  style: Style,
): Promise<ExitCode> {
  const obstacle = obstacleTo(saved);
  if (obstacle !== null) return complain([{ at: { source: file }, ...obstacle }]);
  const plan = planOf(file, saved, images);
  if (!plan.ok) return complain(plan.problems);
  const engine = openEngine(jobs);
  if (!engine.ok) return complain(engine.problems);
  const signal = interruptSignal();
  const line = new ProgressLine(saved.scenario.name);
  const onProgress = (progress: Parameters<ProgressLine['show']>[0]): void => line.show(progress);
  const rerun = await runPlan(plan.value, engine.value, { toolVersion: saved.toolVersion, signal, onProgress }).finally(
    () => engine.value.close(),
  );
  line.clear();
  if (rerun.interrupted) {
    tell('interrupted: nothing was verified');
    return EXIT.INTERRUPTED;
  }
  return report(saved, sealResult(rerun, saved.environment), style);
}

/** A measurement cannot be repeated here, and an interrupted result is no whole one. */
function obstacleTo(saved: SavedResult): { message: string; hint: string } | null {
  if (sourceOf(saved) === 'hardware') {
    return { message: 'measured on real hardware: it cannot be run again', hint: 'verify results of `ipiv-bench run`' };
  }
  if (!saved.interrupted) return null;
  return { message: 'was interrupted: there is no whole result to verify', hint: 'run the scenario to its end' };
}

/** Profiles that are no longer what they were when the result was saved. */
function changedProfiles({ cases }: SavedResult): string[] {
  const used = new Map(cases.map(({ profile: { name, hash } }) => [name, hash]));
  return [...used].flatMap(([name, hash]) => {
    const now = readProfile(name, { source: name });
    return now.ok && profileHash(now.value) === hash ? [] : [name];
  });
}

async function report(saved: SavedResult, rerun: SavedResult, style: Style): Promise<ExitCode> {
  const version = toolVersion();
  if (saved.toolVersion !== version) tell(`note: saved by version ${saved.toolVersion}, this is ${version}`);
  for (const name of changedProfiles(saved)) {
    tell(`note: profile ${name} is not what it was; the saved one was used`);
  }
  const isSame = rerun.digest === saved.digest;
  const text = isSame
    ? `${style.better('verified')}: the same again, ${saved.digest}\n`
    : `${style.worse('not the same')}: ${rerun.digest}, saved was ${saved.digest}\n${differences(saved, rerun, style)}`;
  const problem = await print(text);
  if (problem !== null) return complain([problem]);
  return isSame ? EXIT.DONE : EXIT.GATE_FAILED;
}

/** What moved; figures may be equal where only settings or steps were added since. */
function differences(saved: SavedResult, rerun: SavedResult, style: Style): string {
  return gateText(gate(saved, rerun, { exact: true, limits: [] }), style);
}
