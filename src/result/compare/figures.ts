/** Figures of a case besides its metrics: exits, steps, and what `perf` counted. Emulated ones are per iteration. */
import { ROLES, sumActivity, type CaseRecord, type ExitTimes, type Role } from '../saved-result.js';
import type { MeanWithError } from './change.js';

/** Exits per iteration, by CPU and reason; null where nobody counted. */
export function exitFigures(record: CaseRecord): Map<string, number> | null {
  return figures(record, (role) => Object.entries(record.activity[role].exits));
}

/** Cycles of each step per iteration, by CPU, and how busy each was; null where nobody counted. */
export function stepFigures(record: CaseRecord): Map<string, number> | null {
  return figures(record, (role) => {
    const { busyCycles, steps } = record.activity[role];
    const cycles = Object.entries(steps).map(([step, total]) => [step, total.cycles] as const);
    return [['busy cycles', busyCycles], ...cycles];
  });
}

function figures(
  record: CaseRecord,
  entries: (role: Role) => readonly (readonly [name: string, total: number])[],
): Map<string, number> | null {
  if (record.iterations === 0) return null;
  const perIteration = ROLES.flatMap((role) =>
    entries(role).map(([name, total]) => [`${role} ${name}`, total / record.iterations] as const),
  );
  return new Map(perIteration);
}

/** Percent of all exits of the machine that have each reason; null without any exit. */
export function exitShares(record: CaseRecord): Map<string, number> | null {
  const counts = new Map<string, number>();
  const add = (reason: string, count: number): void => {
    counts.set(reason, (counts.get(reason) ?? 0) + count);
  };
  for (const { exits } of wholeMachine(record)) {
    for (const [reason, { samples }] of Object.entries(exits)) add(reason, samples);
  }
  for (const role of ROLES) {
    for (const [reason, count] of Object.entries(record.activity[role].exits)) add(reason, count);
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return total === 0 ? null : new Map([...counts].map(([reason, count]) => [reason, (count / total) * 100]));
}

/** Mean microseconds per exit reason: with their errors over all tables of `perf`, exactly where they were emulated. */
export function exitMeans(record: CaseRecord): Map<string, MeanWithError> {
  return record.exitTables === undefined ? emulatedMeans(record) : measuredMeans(record);
}

function emulatedMeans({ activity, settings }: CaseRecord): Map<string, MeanWithError> {
  const { exitTimes = {} } = sumActivity(ROLES.map((role) => activity[role]));
  const cyclesPerUs = Number(settings['host.tscGHz']) * 1000;
  return new Map(
    Object.entries(exitTimes).map(([reason, { count, cycles }]) => {
      return [reason, { mean: cycles / count / cyclesPerUs, standardError: 0, n: count }];
    }),
  );
}

function measuredMeans(record: CaseRecord): Map<string, MeanWithError> {
  const parts = new Map<string, ExitTimes[]>();
  for (const { exits } of wholeMachine(record)) {
    for (const [reason, times] of Object.entries(exits)) parts.set(reason, [...(parts.get(reason) ?? []), times]);
  }
  return new Map([...parts].map(([reason, times]) => [reason, pooled(times)]));
}

/** Tables of single vCPUs count the same exits as a table of all. */
function wholeMachine({ exitTables = [] }: CaseRecord): NonNullable<CaseRecord['exitTables']> {
  const whole = exitTables.filter(({ scope }) => scope === 'all vCPUs');
  return whole.length > 0 ? whole : exitTables;
}

/** NaN as the error where a part has none. */
function pooled(times: readonly ExitTimes[]): MeanWithError {
  const n = times.reduce((sum, { samples }) => sum + samples, 0);
  const mean = times.reduce((sum, { samples, meanUs }) => sum + (samples / n) * meanUs, 0);
  const variance = times.reduce((sum, { samples, meanUs, relativeError }) => {
    const error = ((relativeError ?? Number.NaN) * meanUs * samples) / n;
    return sum + error * error;
  }, 0);
  return { mean, standardError: Math.sqrt(variance), n };
}
