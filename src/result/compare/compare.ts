import { good, type Checked } from '../../scenario/problem.js';
import { METRICS, type MetricName } from '../metric.js';
import { sourceOf, type CaseRecord } from '../saved-result.js';
import { summarize } from '../statistics.js';
import { alignCases, isMeasured, type AlignedCase, type NamedResult } from './align.js';
import { changeOf, meanChange, plainChange, type MeanWithError, type Sampled } from './change.js';
import {
  COMPARISON_SCHEMA_VERSION,
  type Change,
  type ComparedCell,
  type ComparedRow,
  type ComparedTable,
  type Comparison,
  type GeometricMean,
} from './comparison.js';
import { exitFigures, exitMeans, exitShares, stepFigures } from './figures.js';
import { notesOn } from './notes.js';

export interface CompareOptions {
  /** Index of the result that the others are compared with. */
  readonly reference: number;
  readonly metrics: readonly MetricName[];
  readonly exits: boolean;
  readonly steps: boolean;
  /** Settings that do not keep cases apart. */
  readonly ignored: readonly string[];
}

/** Compares saved results row by row. */
export function compareResults(results: readonly NamedResult[], options: CompareOptions): Checked<Comparison> {
  const aligned = alignCases(results, options.reference, options.ignored);
  if (!aligned.ok) return aligned;
  const comparer = new Comparer(results, options.reference, aligned.value);
  const tables = [
    ...options.metrics.map((metric) => comparer.metricTable(metric)),
    ...(options.exits ? comparer.exitTables() : []),
    ...(options.steps ? [comparer.stepTable()] : []),
  ].filter(({ rows, unchanged }) => rows.length + unchanged > 0);
  return good({
    kind: 'ipiv-bench-comparison',
    schemaVersion: COMPARISON_SCHEMA_VERSION,
    results: results.map(({ name, result }) => ({
      name,
      source: sourceOf(result),
      digest: result.digest,
      toolVersion: result.toolVersion,
      machine: result.machine ?? null,
    })),
    reference: options.reference,
    tables,
    partnerless: partnerless(results, aligned.value),
    notes: notesOn(results, tables),
  });
}

function partnerless(results: readonly NamedResult[], cases: readonly AlignedCase[]): Comparison['partnerless'] {
  return cases
    .filter(({ records }) => records.includes(null))
    .map(({ id, records }) => ({
      id,
      results: results.filter((_, index) => records[index] !== null).map(({ name }) => name),
    }));
}

class Comparer {
  readonly #results: readonly NamedResult[];
  readonly #reference: number;
  readonly #cases: readonly AlignedCase[];
  readonly #measured: readonly boolean[];

  constructor(results: readonly NamedResult[], reference: number, cases: readonly AlignedCase[]) {
    this.#results = results;
    this.#reference = reference;
    this.#cases = cases;
    this.#measured = results.map(isMeasured);
  }

  /** One row per case. Medians stand in the columns only where nothing emulated stands beside them. */
  metricTable(metric: MetricName): ComparedTable {
    const statistic = this.#measured.every(Boolean) ? 'median' : 'mean';
    const rows = this.#cases.map(({ id, records }) => {
      const samples = records.map((record) => samplesOf(record, metric));
      return { id, figure: null, cells: this.#cells(samples, statistic) };
    });
    const compared = rows.filter(({ cells }) => this.#isComparable(cells));
    return {
      title: metric,
      metric,
      unit: METRICS[metric].description,
      statistics: this.#results.map(() => statistic),
      rows: compared,
      unchanged: 0,
      geometricMeans: this.#results.map((_, index) => geometricMean(compared, index)),
    };
  }

  /** Exits per iteration where they were counted per iteration; shares and times where `perf` counted. */
  exitTables(): ComparedTable[] {
    const perf = this.#cases.filter(({ records }) => records.some((record) => record?.exitTables !== undefined));
    const emulated = this.#cases.filter((each) => !perf.includes(each));
    return [
      this.#figureTable('exits', 'VM exits per iteration', emulated, exitFigures),
      this.#figureTable('share of exits', 'percent of the VM exits of the whole machine', perf, exitShares),
      this.#timeTable(perf),
    ];
  }

  stepTable(): ComparedTable {
    return this.#figureTable('steps', 'cycles per iteration', this.#cases, stepFigures);
  }

  #cells(samples: readonly (readonly number[] | null)[], statistic: 'mean' | 'median'): (ComparedCell | null)[] {
    const sampled = samples.map((each, index) => each && { samples: each, measured: this.#measured[index] });
    const base: Sampled | null = sampled[this.#reference];
    return sampled.map((each, index) => {
      if (each === null) return null;
      const change = base === null || index === this.#reference ? null : changeOf(base, each);
      return { value: summarize(each.samples)[statistic], n: each.samples.length, change };
    });
  }

  #figureTable(
    title: string,
    unit: string,
    cases: readonly AlignedCase[],
    figuresOf: (record: CaseRecord) => Map<string, number> | null,
  ): ComparedTable {
    const rows = cases.flatMap(({ id, records }) => {
      const figures = records.map((record) => record && figuresOf(record));
      const names = new Set(figures.flatMap((each) => [...(each?.keys() ?? [])]));
      return [...names].map((name) => ({ id, figure: name, cells: this.#figureCells(figures, name) }));
    });
    return this.#tableOf(title, unit, rows);
  }

  /** A figure that one result has and another does not have is 0 there, if that one counted at all. */
  #figureCells(figures: readonly (Map<string, number> | null)[], name: string): (ComparedCell | null)[] {
    const values = figures.map((each) => each && (each.get(name) ?? 0));
    const base = values[this.#reference];
    const baseMeasured = this.#measured[this.#reference];
    return values.map((value, index) => {
      if (value === null) return null;
      const compared = base !== null && index !== this.#reference;
      return { value, n: 1, change: compared ? plainChange(base, value, baseMeasured, this.#measured[index]) : null };
    });
  }

  #timeTable(cases: readonly AlignedCase[]): ComparedTable {
    const rows = cases.flatMap(({ id, records }) => {
      const means = records.map((record) => record && exitMeans(record));
      const names = new Set(means.flatMap((each) => [...(each?.keys() ?? [])]));
      return [...names].map((name) => {
        const values = means.map((each) => each?.get(name) ?? null);
        const base = values[this.#reference];
        const cells = values.map((value, index) => {
          if (value === null) return null;
          const compared = base !== null && index !== this.#reference;
          return { value: value.mean, n: value.n, change: compared ? this.#timeChange(base, value, index) : null };
        });
        return { id, figure: name, cells };
      });
    });
    return this.#tableOf('time per exit', 'mean microseconds from an exit to the next entry', rows);
  }

  /** There is a test only where both sides were measured, and where the reports have errors. */
  #timeChange(was: MeanWithError, is: MeanWithError, index: number): Change {
    const [wasMeasured, isMeasured] = [this.#measured[this.#reference], this.#measured[index]];
    const hasErrors = Number.isFinite(was.standardError) && Number.isFinite(is.standardError);
    if (wasMeasured && isMeasured && hasErrors) return meanChange(was, is);
    return plainChange(was.mean, is.mean, wasMeasured, isMeasured);
  }

  #tableOf(title: string, unit: string, rows: readonly ComparedRow[]): ComparedTable {
    const compared = rows.filter(({ cells }) => this.#isComparable(cells));
    const changed = compared.filter(({ cells }) => cells.some((cell) => (cell?.change?.delta ?? 0) !== 0));
    return {
      title,
      metric: null,
      unit,
      statistics: this.#results.map(() => 'figure'),
      rows: changed,
      unchanged: compared.length - changed.length,
      geometricMeans: null,
    };
  }

  #isComparable(cells: ComparedRow['cells']): boolean {
    return cells.some((cell) => cell !== null && cell.change !== null);
  }
}

function samplesOf(record: CaseRecord | null, metric: MetricName): readonly number[] | null {
  const samples = record?.runs.map((run) => run.samples[metric]).filter((sample) => typeof sample === 'number') ?? [];
  return samples.length === 0 ? null : samples;
}

function geometricMean(rows: readonly ComparedRow[], index: number): GeometricMean | null {
  const ratios = rows.flatMap(({ cells }) => {
    const percent = cells[index]?.change?.percent ?? null;
    return percent === null || percent <= -100 ? [] : [1 + percent / 100];
  });
  if (ratios.length === 0) return null;
  const logarithm = ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length;
  return { percent: (Math.exp(logarithm) - 1) * 100, rows: ratios.length };
}
