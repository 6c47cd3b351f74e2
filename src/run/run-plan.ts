import { isArchitectural } from '../machine/image-options.js';
import {
  caseRecord,
  RESULT_KIND,
  RESULT_SCHEMA_VERSION,
  type DeterministicResult,
  type RunFailure,
  type RunOutcome,
} from '../result/saved-result.js';
import type { Engine } from './engine.js';
import type { UnitResult } from './execute-unit.js';
import { imageDigests, unitOf, type Plan } from './plan.js';

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** Id of the case that was run last. */
  readonly caseId: string;
}

export interface RunOptions {
  readonly toolVersion: string;
  /** Stops at once; runs under way are abandoned, finished ones kept. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

type Slot = RunOutcome | RunFailure | null;

/** Runs every case `runs` times, all cases of a run before the next run. The result does not depend on the engine's jobs. */
export async function runPlan(plan: Plan, engine: Engine, options: RunOptions): Promise<DeterministicResult> {
  const { scenario, cases } = plan;
  const slots: Slot[][] = cases.map(() => new Array<Slot>(scenario.runs).fill(null));
  const total = cases.length * scenario.runs;
  let next = 0;
  let done = 0;
  const stopped = whenAborted(options.signal);
  const work = async (): Promise<void> => {
    while (next < total && options.signal?.aborted !== true) {
      const index = next++;
      const which = index % cases.length;
      const run = Math.floor(index / cases.length);
      const finished = await Promise.race([engine.execute(unitOf(plan, cases[which], run)), stopped]);
      if (finished === null) return;
      slots[which][run] = toSlot(finished, run);
      done++;
      options.onProgress?.({ done, total, caseId: cases[which].id });
    }
  };
  await Promise.all(Array.from({ length: Math.min(engine.jobs, total) }, work));
  return toResult(plan, slots, done < total, options.toolVersion);
}

/** Resolves when the signal aborts, which may be never. */
function whenAborted(signal: AbortSignal | undefined): Promise<null> {
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(null)));
}

function toSlot(result: UnitResult, run: number): RunOutcome | RunFailure {
  return 'message' in result ? { ...result, run: run + 1 } : result;
}

function toResult(
  { scenario, cases, profiles, images }: Plan,
  slots: Slot[][],
  interrupted: boolean,
  toolVersion: string,
) {
  return {
    kind: RESULT_KIND,
    schemaVersion: RESULT_SCHEMA_VERSION,
    toolVersion,
    scenario,
    seed: scenario.seed,
    interrupted,
    profiles: Object.fromEntries([...profiles].map(([name, { profile }]) => [name, profile])),
    ...(images.size === 0 ? {} : { images: imageDigests(images) }),
    cases: cases.map(({ id, settings, profile, options }, index) => {
      const hash = profiles.get(profile)?.hash ?? '';
      const identity = { id, settings, profile: { name: profile, hash } };
      return caseRecord(isArchitectural(options) ? identity : { ...identity, architectural: false }, slots[index]);
    }),
  } as const;
}
