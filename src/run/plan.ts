import { createHash } from 'node:crypto';
import { costTable } from '../cost/cost-table.js';
import { drawPlacement, runSeed } from '../cost/placement.js';
import { profileHash } from '../cost/profile-hash.js';
import type { CostProfile } from '../cost/profile.js';
import type { CostTable } from '../cost/step.js';
import { expandCases, type Case } from '../scenario/expand.js';
import type { LoadedScenario } from '../scenario/load.js';
import { readImage } from '../scenario/image-file.js';
import { readProfile } from '../scenario/profile-file.js';
import { bad, good, type Checked, type Location, type Problem } from '../scenario/problem.js';
import type { Scenario } from '../scenario/schema.js';
import { imageProblem } from '../machine/image-case.js';
import { isProgramCase, type ImageCaseOptions } from '../machine/image-options.js';
import { impossibilities } from '../machine/impossible.js';
import type { MachineOptions } from '../machine/machine-options.js';

export interface PlannedProfile {
  readonly profile: CostProfile;
  readonly hash: string;
}

/** A scenario ready to run: its cases, and the profiles and images by the names that the scenario gives them. */
export interface Plan {
  readonly scenario: Scenario;
  readonly cases: readonly Case[];
  readonly profiles: ReadonlyMap<string, PlannedProfile>;
  readonly images: ReadonlyMap<string, Uint8Array>;
}

/** One run of one case: all that a machine needs besides the interpreter. */
export type Unit = ProgramUnit | ImageUnit;

/** The guest runs a built-in program. */
export interface ProgramUnit {
  readonly options: MachineOptions;
  readonly costs: CostTable;
}

/** The guest runs an image. */
export interface ImageUnit {
  readonly options: ImageCaseOptions;
  readonly image: Uint8Array;
  readonly costs: CostTable;
}

/** Finds a profile by the name that a scenario gives it. */
export type ProfileSource = (name: string) => Checked<CostProfile>;

/**
 * Expands the scenario, loads its profiles (from files and built-in ones, unless told otherwise) and images, and finds
 * whatever cannot be run before anything is run.
 */
export function planScenario(
  loaded: LoadedScenario,
  profileNamed: ProfileSource = profileFiles(loaded),
): Checked<Plan> {
  const cases = expandCases(loaded, impossibilities);
  if (!cases.ok) return cases;
  const profiles = new Map<string, PlannedProfile>();
  const problems: Problem[] = [];
  for (const name of new Set(cases.value.map(({ profile }) => profile))) {
    const profile = profileNamed(name);
    if (profile.ok) profiles.set(name, { profile: profile.value, hash: profileHash(profile.value) });
    else problems.push(...profile.problems);
  }
  const images = imagesOf(cases.value, loaded);
  if (!images.ok) problems.push(...images.problems);
  if (!images.ok || problems.length > 0) return bad(...problems);
  return good({ scenario: loaded.scenario, cases: cases.value, profiles, images: images.value });
}

function profileFiles({ resolveProfile, locator }: LoadedScenario): ProfileSource {
  return (name) => readProfile(resolveProfile(name), locator.locate(['profile']));
}

/** Every image, read once; it must be one that each of its cases can start. */
function imagesOf(cases: readonly Case[], { resolveImage, locator }: LoadedScenario): Checked<Plan['images']> {
  const at = locator.locate(['guest', 'image']);
  const images = new Map<string, Uint8Array>();
  const problems = new Map<string, Problem>();
  for (const { options } of cases) {
    if (isProgramCase(options)) continue;
    const name = options.guest.image;
    const known = images.get(name);
    const file = known === undefined ? readImage(resolveImage(name), at) : good(known);
    if (file.ok) images.set(name, file.value);
    for (const problem of file.ok ? loadProblems(file.value, options, at) : file.problems) {
      const message = `image ${name}: ${problem.message}`;
      problems.set(message, { ...problem, message });
    }
  }
  return problems.size > 0 ? bad(...problems.values()) : good(images);
}

function loadProblems(image: Uint8Array, options: ImageCaseOptions, at: Location): Problem[] {
  const problem = imageProblem(image, options);
  if (problem === null) return [];
  const { offset, message, hint } = problem;
  return [{ at, message: offset === 0 ? message : `${message} (at byte ${offset})`, hint }];
}

/** What images were, by the names that the scenario gives them: `sha256:` and the hash over all bytes. */
export function imageDigests(images: Plan['images']): Record<string, string> {
  const digest = (image: Uint8Array): string => `sha256:${createHash('sha256').update(image).digest('hex')}`;
  return Object.fromEntries([...images].map(([name, image]) => [name, digest(image)]));
}

/** The run with this index (from 0) of a case: the same placement for all cases. */
export function unitOf({ scenario, profiles, images }: Plan, { options, profile: name }: Case, run: number): Unit {
  const planned = profiles.get(name);
  if (planned === undefined) throw new Error(`profile ${name} was not loaded`);
  const { profile } = planned;
  const draw = scenario.noise === 'placement' ? drawPlacement(profile, runSeed(scenario.seed, run)) : undefined;
  const costs = costTable(profile, options.host.tscGHz, draw);
  if (isProgramCase(options)) return { options, costs };
  const image = images.get(options.guest.image);
  if (image === undefined) throw new Error(`image ${options.guest.image} was not loaded`);
  return { options, image, costs };
}
