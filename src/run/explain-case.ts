import type { CostProfile } from '../cost/profile.js';
import { TICKS_PER_CYCLE } from '../cost/step.js';
import { CriticalPaths, type CriticalPath, type PathDoing } from '../machine/critical-path.js';
import { isArchitectural } from '../machine/image-options.js';
import type { ObservedIterations } from '../machine/observation.js';
import type {
  CaseExplanation,
  CostSource,
  CpuShare,
  Overlap,
  PathLine,
  PathSection,
  SectionName,
  Work,
} from '../result/explanation.js';
import type { RoleActivity } from '../result/saved-result.js';
import type { Case } from '../scenario/expand.js';
import { BEFORE, runInDetail } from './detailed-run.js';
import type { PlannedProfile, Unit } from './plan.js';

/** A pattern of lines is shown once if it occurs so often in a row. */
const FEWEST_REPEATS = 3;
const LONGEST_PATTERN = 3;

/** Runs a case once and explains an iteration of it. Throws GuestFailure when the run yields no result. */
export function explainCase(
  interpreter: WebAssembly.Module,
  unit: Unit,
  { id, settings }: Case,
  { profile, hash }: PlannedProfile,
): CaseExplanation {
  const { iterations, average, activity, seen, iteration } = runInDetail(interpreter, unit);
  const paths = new CriticalPaths(seen);
  const ends = seen.starts.slice(1);
  const [before, path, after] = [BEFORE - 1, BEFORE, BEFORE + 1].map((at) => paths.path(seen.starts[at], ends[at]));
  const [from, to] = [seen.starts[BEFORE], ends[BEFORE]];
  const price = (name: PathDoing): Price => priceOf(profile, name);
  const cycles = (to - from) / TICKS_PER_CYCLE;
  return {
    id,
    settings,
    profile: { name: profile.name, hash },
    ...(isArchitectural(unit.options) ? {} : { architectural: false }),
    groups: profile.groups,
    iterations,
    average,
    iteration,
    cycles,
    rest: average - cycles,
    typical: [before, after].every((other) => signature(other) === signature(path)),
    path: sectionsOf(path, sectionNames(path, seen), from, average, price),
    overlapped: paths.overlapped(from, to, [before, path, after]).map((work): Overlap => ({
      cpu: work.cpu,
      start: (work.start - from) / TICKS_PER_CYCLE,
      cycles: ticksOf(work.spans) / TICKS_PER_CYCLE,
      slack: work.slack / TICKS_PER_CYCLE,
      endsWithStore: work.endsWithStore,
      work: merged(work.spans.map((span) => toWork(span, price))),
    })),
    sender: shareOf(activity.sender, iterations),
    target: shareOf(activity.target, iterations),
  };
}

function ticksOf(pieces: readonly { readonly ticks: number }[]): number {
  return pieces.reduce((sum, { ticks }) => sum + ticks, 0);
}

type Price = Pick<Work, 'source' | 'group' | 'identifiable'>;

/** Only the sum of a free group is known, unless it has a single step. */
function priceOf(profile: CostProfile, name: PathDoing): Price {
  if (name === 'loop-phase' || name === 'idle') return { source: null, group: null, identifiable: true };
  if (name === 'guest-instructions') return { source: classSource(profile), group: null, identifiable: true };
  const { source, group } = profile.steps[name];
  const members = Object.values(profile.steps).filter((step) => group !== undefined && step.group === group);
  return { source, group: group ?? null, identifiable: members.length < 2 };
}

/** The weakest source of any instruction class. */
function classSource({ classes }: CostProfile): CostSource {
  const sources = Object.values(classes).map(({ source }) => source);
  return (['assumed', 'fitted', 'published'] as const).find((source) => sources.includes(source)) ?? null;
}

interface Piece {
  readonly doing: PathDoing;
  readonly ticks: number;
  readonly instructions: number;
}

function toWork({ doing, ticks, instructions }: Piece, price: (name: PathDoing) => Price): Work {
  return { name: doing, count: 1, cycles: ticks / TICKS_PER_CYCLE, instructions, ...price(doing) };
}

function sectionsOf(
  { pieces }: CriticalPath,
  names: readonly SectionName[],
  from: number,
  average: number,
  price: (name: PathDoing) => Price,
): PathSection[] {
  return [...new Set(names)].map((name) => {
    const lines = pieces
      .filter((_, index) => names[index] === name)
      .map((piece): PathLine => {
        const work = toWork(piece, price);
        const start = (piece.start - from) / TICKS_PER_CYCLE;
        return { cpu: piece.cpu, start, ...work, share: work.cycles / average };
      });
    return { name, cycles: lines.reduce((sum, { cycles }) => sum + cycles, 0), lines: merged(lines) };
  });
}

/** The first stretch of CPU 0 sends; when the path has come back to it, it returns. */
function sectionNames({ pieces }: CriticalPath, { flights, transfers }: ObservedIterations): SectionName[] {
  if (flights.length === 0 && transfers.length === 0) return pieces.map(() => 'round-trip');
  let left = false;
  return pieces.map(({ cpu, doing }) => {
    if (doing === 'ipi-flight') return 'flight';
    left ||= cpu !== 0;
    if (cpu !== 0) return 'target';
    return left ? 'return' : 'sender';
  });
}

/** Lines of the same name that follow each other become one, and so do patterns of lines that repeat. */
function merged<Line extends Work>(lines: readonly Line[]): Line[] {
  let result = mergeNeighbours(lines);
  for (let length = 2; length <= LONGEST_PATTERN; length++) result = mergePatterns(result, length);
  return result;
}

function mergeNeighbours<Line extends Work>(lines: readonly Line[]): Line[] {
  const result: Line[] = [];
  for (const line of lines) {
    const last = result.at(-1);
    if (last?.name === line.name) result[result.length - 1] = joined(last, line);
    else result.push(line);
  }
  return result;
}

function mergePatterns<Line extends Work>(lines: readonly Line[], length: number): Line[] {
  const result: Line[] = [];
  for (let at = 0; at < lines.length;) {
    const repeats = repeatsAt(lines, at, length);
    const step = repeats < FEWEST_REPEATS ? 1 : repeats * length;
    const kept = repeats < FEWEST_REPEATS ? 1 : length;
    for (let first = at; first < at + kept; first++) {
      const same = lines.slice(first, at + step).filter((_, index) => index % kept === 0);
      result.push(same.reduce(joined));
    }
    at += step;
  }
  return result;
}

/** How often the names of `length` lines occur in a row. */
function repeatsAt(lines: readonly Work[], at: number, length: number): number {
  let end = at + length;
  while (end < lines.length && lines[end].name === lines[end - length].name) end++;
  return Math.floor((end - at) / length);
}

function joined<Line extends Work>(first: Line, second: Line): Line {
  const share = 'share' in first && 'share' in second ? { share: Number(first.share) + Number(second.share) } : {};
  return {
    ...first,
    ...share,
    count: first.name === 'guest-instructions' ? 1 : first.count + second.count,
    cycles: first.cycles + second.cycles,
    instructions: first.instructions + second.instructions,
  };
}

/** The steps of a path: phases of waiting loops, and how often they were passed, do not matter. */
function signature({ pieces }: CriticalPath): string {
  const steps = pieces.filter(({ doing, ticks }) => doing !== 'loop-phase' && ticks > 0);
  const named = steps.map(({ cpu, doing, ticks, instructions }) => ({ name: `${cpu} ${doing}`, ticks, instructions }));
  const none = { count: 1, cycles: 0, source: null, group: null, identifiable: true };
  return merged(named.map(({ name, instructions }) => ({ ...none, name, instructions })))
    .map(({ name }) => name)
    .join('; ');
}

function shareOf({ busyCycles, exits }: RoleActivity, iterations: number): CpuShare {
  return {
    busyCycles: busyCycles / iterations,
    exits: Object.fromEntries(Object.entries(exits).map(([reason, count]) => [reason, count / iterations])),
  };
}
