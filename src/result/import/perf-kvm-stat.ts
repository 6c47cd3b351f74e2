/**
 * Text of `perf kvm stat report`. Tools up to Linux 6.3 print times in microseconds with the unit in each cell and a
 * footer with the total; later ones name nanoseconds in the heading and print the mean last, without its error.
 */
import type { Override } from '../../scenario/overrides.js';
import type { Problem } from '../../scenario/problem.js';
import type { ExitTable, ExitTimes } from '../saved-result.js';
import { parseHeading } from './log-settings.js';
import { linesOf, type ForeignLine, type ParsedExitTable, type ParsedLog } from './parsed-log.js';

const OLD_HEADING = /^\s*(VM-EXIT|MMIO Access|IO Port Access|MSR Access)\s+Samples\s+Samples%\s+Time%/;
const NEW_HEADING = /^\s*Event name\s+Samples\s+Sample%\s+Time \(ns\)/;
const OLD_ROW =
  /^\s*(\S.*?)\s+(\d+)\s+[\d.]+%\s+[\d.]+%\s+([\d.]+)us\s+([\d.]+)us\s+([\d.]+)us(?: \( \+-\s*(\S+)% \))?\s*$/;
const NEW_ROW = /^\s*(\S.*?)\s+(\d+)\s+[\d.]+%\s+\d+\s+[\d.]+%\s+(\d+)\s+(\d+)\s+(\d+)\s*$/;
const TOTAL = /^Total Samples:\s*(\d+), Total events handled time:/;
const SCOPE = /^Analyze events for (?:all VMs|pid\(s\) [\d, ]+), (all VCPUs|VCPU (\d+)):$/;

/** Whether a text is such a report. */
export function isPerfKvmStat(text: string): boolean {
  return linesOf(text).some((line) => OLD_HEADING.test(line) || NEW_HEADING.test(line));
}

/** Reads one or more reports. */
export function parsePerfKvmStat(file: string, text: string): ParsedLog {
  const reader = new PerfReader(file);
  linesOf(text).forEach((line, index) => {
    reader.take(line, index + 1);
  });
  return reader.finish();
}

class PerfReader {
  readonly #file: string;
  readonly #tables: ParsedExitTable[] = [];
  readonly #foreign: ForeignLine[] = [];
  readonly #problems: Problem[] = [];
  #settings: readonly Override[] = [];
  #scope = 'all vCPUs';
  #exits: Map<string, ExitTimes> | null = null;
  #startLine = 0;
  #hasFooter = false;

  constructor(file: string) {
    this.#file = file;
  }

  take(line: string, number: number): void {
    const heading = parseHeading(line, this.#file, number);
    if (heading !== null) {
      this.#settings = heading.settings;
      this.#problems.push(...heading.problems);
      return;
    }
    const scope = SCOPE.exec(line.trim());
    if (scope !== null) {
      this.#end();
      this.#scope = scope[1] === 'all VCPUs' ? 'all vCPUs' : `vCPU ${scope[2]}`;
    } else if (OLD_HEADING.test(line) || NEW_HEADING.test(line)) this.#begin(line, number);
    else if (this.#exits === null || !this.#takeRow(line, number)) this.#takeOther(line, number);
  }

  finish(): ParsedLog {
    this.#end();
    return {
      file: this.#file,
      format: 'perf-kvm-stat',
      runs: [],
      exitTables: this.#tables,
      skipped: [],
      foreign: this.#foreign,
      vcpus: null,
      problems: this.#problems,
    };
  }

  #begin(line: string, number: number): void {
    this.#end();
    const key = OLD_HEADING.exec(line)?.[1] ?? 'VM-EXIT';
    if (key !== 'VM-EXIT') this.#problem(number, `a report by ${key}`, 'report with --event=vmexit');
    this.#exits = new Map();
    this.#startLine = number;
    this.#hasFooter = NEW_HEADING.test(line);
  }

  #takeRow(line: string, number: number): boolean {
    const old = OLD_ROW.exec(line);
    const fresh = old === null ? NEW_ROW.exec(line) : null;
    if (old === null && fresh === null) return false;
    const [name, times] = old === null ? newRow(fresh as RegExpExecArray) : oldRow(old);
    if (!Object.values(times).every((value) => value === null || Number.isFinite(value))) {
      this.#problem(number, `${name} has a figure that is no number`, 'report again');
    }
    if (this.#exits?.has(name) === true) this.#problem(number, `${name} stands twice in one table`, 'report again');
    this.#exits?.set(name, times);
    return true;
  }

  #takeOther(line: string, number: number): void {
    const total = TOTAL.exec(line.trim());
    if (total === null) {
      if (line.trim() !== '') this.#foreign.push({ line: number, text: line });
      return;
    }
    const sum = [...(this.#exits?.values() ?? [])].reduce((all, { samples }) => all + samples, 0);
    if (sum !== Number(total[1])) {
      this.#problem(number, `the rows have ${sum} samples, the total says ${total[1]}`, 'a row is missing or damaged');
    }
    this.#hasFooter = true;
  }

  #end(): void {
    if (this.#exits === null) return;
    if (this.#exits.size === 0) this.#problem(this.#startLine, 'a table without a row', 'record while the guest runs');
    else if (!this.#hasFooter) this.#problem(this.#startLine, 'a table without its total: cut off', 'report again');
    const table: ExitTable = { scope: this.#scope, exits: Object.fromEntries(this.#exits) };
    this.#tables.push({ table, settings: this.#settings });
    this.#exits = null;
    this.#scope = 'all vCPUs';
  }

  #problem(line: number, message: string, hint: string): void {
    this.#problems.push({ at: { source: this.#file, line, column: 1 }, message, hint });
  }
}

function oldRow([, name, samples, minimum, maximum, mean, error]: readonly string[]): [string, ExitTimes] {
  const relativeError = (error as string | undefined) === undefined || /nan/i.test(error) ? null : Number(error) / 100;
  return [name, times(samples, [minimum, maximum, mean].map(Number), relativeError)];
}

/** Maximum before minimum, and nanoseconds. */
function newRow([, name, samples, maximum, minimum, mean]: readonly string[]): [string, ExitTimes] {
  return [
    name,
    times(
      samples,
      [minimum, maximum, mean].map((text) => Number(text) / 1000),
      null,
    ),
  ];
}

function times(samples: string, [minimumUs, maximumUs, meanUs]: readonly number[], error: number | null): ExitTimes {
  return { samples: Number(samples), minimumUs, maximumUs, meanUs, relativeError: error };
}
