/** Where the cycles of one iteration go: what `explain` shows, as data. All times are TSC cycles, multiples of 1/64. */
import type { Scalar } from '../scenario/schema.js';

export const EXPLANATION_KIND = 'ipiv-bench-explanation';
/** Version of the JSON form. */
export const EXPLANATION_SCHEMA_VERSION = 1;

/** Stretches of the critical path; `round-trip` where no other CPU takes part. */
export const SECTIONS = ['sender', 'flight', 'target', 'return', 'round-trip'] as const;
export type SectionName = (typeof SECTIONS)[number];

/** Where a value comes from, as the profile says; null for what is no step. */
export type CostSource = 'published' | 'fitted' | 'assumed' | null;

/** What somebody does for a while, and what is known of its price. */
export interface Work {
  /** A step, `guest-instructions` (plain ones), `loop-phase` (rest of a waiting loop's pass) or `idle`. */
  readonly name: string;
  /** How often, one after the other. */
  readonly count: number;
  readonly cycles: number;
  /** Guest instructions retired. */
  readonly instructions: number;
  readonly source: CostSource;
  /** Free group of the profile: a fit determines the sum of its steps. */
  readonly group: string | null;
  /** False where the data cannot tell this step from others of its group. */
  readonly identifiable: boolean;
}

/** One line of the time line. */
export interface PathLine extends Work {
  readonly cpu: number;
  /** From the beginning of the iteration. */
  readonly start: number;
  /** Of the case's average. */
  readonly share: number;
}

export interface PathSection {
  readonly name: SectionName;
  readonly cycles: number;
  readonly lines: readonly PathLine[];
}

/** Unbroken work that nobody waits for. */
export interface Overlap {
  readonly cpu: number;
  readonly start: number;
  readonly cycles: number;
  /** How much longer it could take before somebody would wait for it. */
  readonly slack: number;
  /** Its end is the store that the waiting side looks for. */
  readonly endsWithStore: boolean;
  readonly work: readonly Work[];
}

/** What one CPU does per iteration, averaged over the timed loop. */
export interface CpuShare {
  readonly busyCycles: number;
  /** VM exits by reason. */
  readonly exits: Readonly<Record<string, number>>;
}

export interface CaseExplanation {
  readonly id: string;
  readonly settings: Readonly<Record<string, Scalar>>;
  readonly profile: { readonly name: string; readonly hash: string };
  /** As in a saved result: false where the guest ran on something that no processor is, else absent. */
  readonly architectural?: false;
  readonly groups: Readonly<Record<string, string>>;
  readonly iterations: number;
  /** Cycles per iteration of the whole timed loop. */
  readonly average: number;
  /** The iteration that is shown, counted from 1 in the first timed pass; null: one in the middle of an image's last. */
  readonly iteration: number | null;
  /** Its length: the sum of all lines. */
  readonly cycles: number;
  /** `average` less `cycles`: other phases of the waiting loops, and what surrounds the timed loop. */
  readonly rest: number;
  /** The iterations before and after it consist of the same steps. */
  readonly typical: boolean;
  readonly path: readonly PathSection[];
  readonly overlapped: readonly Overlap[];
  readonly sender: CpuShare;
  readonly target: CpuShare;
}

/** One line of a comparison; null where the step does not occur. */
export interface Change {
  readonly section: SectionName;
  readonly name: string;
  readonly off: number | null;
  readonly on: number | null;
  readonly difference: number;
  readonly identifiable: boolean;
}

/** Two cases that differ in nothing but IPI virtualization. */
export interface IpivPair {
  /** Ids of the cases. */
  readonly off: string;
  readonly on: string;
  readonly changes: readonly Change[];
  readonly rest: { readonly off: number; readonly on: number; readonly difference: number };
  readonly average: { readonly off: number; readonly on: number; readonly difference: number };
}

export interface Explanation {
  readonly kind: typeof EXPLANATION_KIND;
  readonly schemaVersion: number;
  readonly toolVersion: string;
  readonly scenario: string;
  readonly cases: readonly CaseExplanation[];
  readonly pairs: readonly IpivPair[];
}

/** What IPI virtualization removed and added, for every pair among the cases. */
export function ipivPairs(cases: readonly CaseExplanation[]): IpivPair[] {
  return cases
    .filter(({ settings }) => settings['ipiv'] === true)
    .flatMap((on) => {
      const off = cases.find((other) => differOnlyInIpiv(other, on));
      return off === undefined ? [] : [pairOf(off, on)];
    });
}

function differOnlyInIpiv(off: CaseExplanation, on: CaseExplanation): boolean {
  if (off.settings['ipiv'] !== false) return false;
  return Object.keys(on.settings).every((key) => key === 'ipiv' || off.settings[key] === on.settings[key]);
}

function pairOf(off: CaseExplanation, on: CaseExplanation): IpivPair {
  return {
    off: off.id,
    on: on.id,
    changes: SECTIONS.flatMap((section) => changesIn(section, linesOf(off, section), linesOf(on, section))),
    rest: { off: off.rest, on: on.rest, difference: on.rest - off.rest },
    average: { off: off.average, on: on.average, difference: on.average - off.average },
  };
}

function linesOf({ path }: CaseExplanation, section: SectionName): PathLine[] {
  return path.filter(({ name }) => name === section).flatMap(({ lines }) => lines);
}

/** Every step of either case once, in the order of the paths. */
function changesIn(section: SectionName, off: readonly PathLine[], on: readonly PathLine[]): Change[] {
  const names = [...new Set(off.map(({ name }) => name))];
  let after = 0;
  for (const { name } of on) {
    if (!names.includes(name)) names.splice(after, 0, name);
    after = names.indexOf(name) + 1;
  }
  return names.map((name) => {
    const [before, now] = [off, on].map((lines) => cyclesOf(lines, name));
    const { identifiable } = [...off, ...on].find((line) => line.name === name) as PathLine;
    return { section, name, off: before, on: now, difference: (now ?? 0) - (before ?? 0), identifiable };
  });
}

function cyclesOf(lines: readonly PathLine[], name: string): number | null {
  const named = lines.filter((line) => line.name === name);
  return named.length === 0 ? null : named.reduce((sum, { cycles }) => sum + cycles, 0);
}
