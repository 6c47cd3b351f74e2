/** The saved form of a run of a scenario. Everything but `environment` is a function of scenario, profile and version. */
import type { Scalar, Scenario } from '../scenario/schema.js';
import { digestOf } from './digest.js';
import { METRICS, type MetricName } from './metric.js';
import { summarize, type Summary } from './statistics.js';

/** Version of the format; a gate compares results of the same version only. */
export const RESULT_SCHEMA_VERSION = 1;
export const RESULT_KIND = 'ipiv-bench-result';

export const ROLES = ['sender', 'target', 'others'] as const;
/** The sending CPU, the receiving one, and all others together. */
export type Role = (typeof ROLES)[number];

/** What the CPUs of one role did during the timed loop; totals, not per iteration. */
export interface RoleActivity {
  readonly exits: Readonly<Record<string, number>>;
  /** From an exit to the next entry, as `perf kvm stat` counts; absent where nobody took it. */
  readonly exitTimes?: Readonly<Record<string, StepTotal>>;
  /** TSC cycles spent neither asleep nor in passes of an idle spin loop. */
  readonly busyCycles: number;
  readonly instructions: number;
  readonly steps: Readonly<Record<string, StepTotal>>;
}

export interface StepTotal {
  readonly count: number;
  /** TSC cycles. */
  readonly cycles: number;
}

/** One run of one case, as the run engine hands it over. */
export interface RunOutcome {
  readonly iterations: number;
  /** Cycles per iteration around the loop, exact. */
  readonly outer: number;
  /** Cycles per iteration between the inner RDTSCs, exact, where the workload has them. */
  readonly inner: number | null;
  readonly lineTransfers: number;
  readonly activity: Readonly<Record<Role, RoleActivity>>;
  readonly console: readonly string[];
  readonly effective: { readonly apicv: boolean; readonly ipiv: boolean };
}

/** A run that gave no result. */
export interface RunFailure {
  /** Counts from 1. */
  readonly run: number;
  readonly message: string;
  /** Simulated cycles when it happened. */
  readonly cycles: number;
  readonly details: readonly string[];
}

export interface RunRecord {
  /** Counts from 1. */
  readonly run: number;
  readonly iterations: number;
  readonly outer: number;
  readonly inner: number | null;
  readonly samples: Readonly<Record<MetricName, number | null>>;
  readonly console: readonly string[];
}

export interface CaseRecord {
  readonly id: string;
  readonly settings: Readonly<Record<string, Scalar>>;
  readonly profile: { readonly name: string; readonly hash: string };
  /** The guest ran on something that no processor is: `NOT_ARCHITECTURAL` says what. Absent otherwise. */
  readonly architectural?: false;
  /** How KVM was really configured; null where no run finished. */
  readonly effective: RunOutcome['effective'] | null;
  readonly runs: readonly RunRecord[];
  readonly failures: readonly RunFailure[];
  /** Over the samples of all runs; null where a metric does not exist or no run finished. */
  readonly summary: Readonly<Record<MetricName, Summary | null>>;
  /** Iterations of all runs: what totals are divided by. */
  readonly iterations: number;
  /** Totals over all runs. */
  readonly activity: Readonly<Record<Role, RoleActivity>>;
  /** Tables of `perf kvm stat`, one per report that was imported; only in results of real machines. */
  readonly exitTables?: readonly ExitTable[];
}

/** What is not architectural about an image whose other CPUs never halt. */
export const NOT_ARCHITECTURAL = 'HLT of the other CPUs is a one-cycle no-op, which it is on no processor';

/** One kind of VM exit as `perf kvm stat report` sums it up. */
export interface ExitTimes {
  readonly samples: number;
  /** Microseconds from the exit to the next entry. */
  readonly minimumUs: number;
  readonly maximumUs: number;
  readonly meanUs: number;
  /** Standard deviation of the mean, as a fraction of it; null where the report has none. */
  readonly relativeError: number | null;
}

/** One report of `perf kvm stat`. */
export interface ExitTable {
  /** `all vCPUs`, or `vCPU 0`. */
  readonly scope: string;
  readonly exits: Readonly<Record<string, ExitTimes>>;
}

/** What is known of a real machine; nothing of it is checked. */
export interface MachineDescription {
  readonly name?: string;
  readonly cpu?: string;
  readonly kernel?: string;
  readonly note?: string;
}

/** A file that a result was imported from. */
export interface ImportedFile {
  readonly file: string;
  readonly format: string;
  /** Lines that are neither results nor known output of the test; they were not used. */
  readonly foreignLines: number;
}

/** The part of a saved result that is the same on every machine. */
export interface DeterministicResult {
  readonly kind: typeof RESULT_KIND;
  readonly schemaVersion: number;
  readonly toolVersion: string;
  readonly scenario: Scenario;
  /** Seed of the scenario; each run's seed follows from it and the run's index. */
  readonly seed: number;
  /** Interrupted before all runs were done. */
  readonly interrupted: boolean;
  /** Cost profiles by the names that the cases give them, whole, as the run used them; absent where it was measured. */
  readonly profiles?: Readonly<Record<string, unknown>>;
  /** Digests of the images, by the names that the cases give them; absent where the guests are built in. */
  readonly images?: Readonly<Record<string, string>>;
  readonly cases: readonly CaseRecord[];
  /** Measured on a real machine; absent where the emulator made the result. */
  readonly source?: 'hardware';
  readonly machine?: MachineDescription;
  readonly imported?: readonly ImportedFile[];
}

/** Where and how the run happened; says nothing about the result. */
export interface Environment {
  readonly date: string;
  readonly node: string;
  readonly platform: string;
  readonly jobs: number;
  readonly wallSeconds: number;
}

/** Why a result is the baseline of a gate. */
export interface BaselineNote {
  /** In the words of who set it. */
  readonly reason: string;
  /** Digest of the baseline before it; null for the first one. */
  readonly replaces: string | null;
}

export interface SavedResult extends DeterministicResult {
  /** SHA-256 over the deterministic part in canonical JSON. */
  readonly digest: string;
  readonly environment: Environment;
  /** Only in results that `baseline update` has written. */
  readonly baseline?: BaselineNote;
}

/** Whether the samples come from the emulator or from a real machine. */
export function sourceOf({ source }: DeterministicResult): 'emulated' | 'hardware' {
  return source ?? 'emulated';
}

/** Seals the deterministic part with its digest. */
export function sealResult(deterministic: DeterministicResult, environment: Environment): SavedResult {
  return { ...deterministic, digest: digestOf(deterministic), environment };
}

/** The file's text: indented JSON, one trailing newline. */
export function resultText(result: SavedResult): string {
  return `${JSON.stringify(result, null, 1)}\n`;
}

/** Puts the record of one case together from its runs in order; null stands for a run that never happened. */
export function caseRecord(
  identity: Pick<CaseRecord, 'id' | 'settings' | 'profile' | 'architectural'>,
  runs: readonly (RunOutcome | RunFailure | null)[],
): CaseRecord {
  const finished = runs.flatMap((run, index) => (isOutcome(run) ? [{ index, outcome: run }] : []));
  const records = finished.map(({ index, outcome }) => runRecord(index + 1, outcome));
  return {
    ...identity,
    effective: finished.at(0)?.outcome.effective ?? null,
    runs: records,
    failures: runs.filter(isFailure),
    summary: summaries(records),
    iterations: records.reduce((sum, { iterations }) => sum + iterations, 0),
    activity: byRole((role) => sumActivity(finished.map(({ outcome }) => outcome.activity[role]))),
  };
}

function isOutcome(run: RunOutcome | RunFailure | null): run is RunOutcome {
  return run !== null && 'outer' in run;
}

function isFailure(run: RunOutcome | RunFailure | null): run is RunFailure {
  return run !== null && 'message' in run;
}

function runRecord(run: number, outcome: RunOutcome): RunRecord {
  const { iterations, outer, inner, console } = outcome;
  return { run, iterations, outer, inner, samples: byMetric((metric) => METRICS[metric].sample(outcome)), console };
}

/** Summaries of all metrics that the runs have. */
export function summaries(records: readonly RunRecord[]): CaseRecord['summary'] {
  return byMetric((metric) => {
    const samples = records.map((record) => record.samples[metric]).filter((sample) => sample !== null);
    return samples.length === 0 ? null : summarize(samples);
  });
}

/** One value per metric. */
export function byMetric<T>(value: (metric: MetricName) => T): Record<MetricName, T> {
  const names = Object.keys(METRICS) as MetricName[];
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<MetricName, T>;
}

/** One value per role. */
export function byRole<T>(value: (role: Role) => T): Record<Role, T> {
  return Object.fromEntries(ROLES.map((role) => [role, value(role)])) as Record<Role, T>;
}

/** The sum of what several runs, or several CPUs, did. */
export function sumActivity(parts: readonly RoleActivity[]): RoleActivity {
  const exits: Record<string, number> = {};
  let busyCycles = 0;
  let instructions = 0;
  for (const part of parts) {
    busyCycles += part.busyCycles;
    instructions += part.instructions;
    for (const [reason, count] of Object.entries(part.exits)) exits[reason] = (exits[reason] ?? 0) + count;
  }
  const steps = sumTotals(parts.map((part) => part.steps));
  const times = parts.map(({ exitTimes }) => exitTimes).filter((each) => each !== undefined);
  return { exits, ...(times.length === 0 ? {} : { exitTimes: sumTotals(times) }), busyCycles, instructions, steps };
}

function sumTotals(parts: readonly Readonly<Record<string, StepTotal>>[]): Record<string, StepTotal> {
  const sums: Record<string, StepTotal> = {};
  for (const [name, { count, cycles }] of parts.flatMap((part) => Object.entries(part))) {
    const before = sums[name] ?? { count: 0, cycles: 0 };
    sums[name] = { count: before.count + count, cycles: before.cycles + cycles };
  }
  return sums;
}
