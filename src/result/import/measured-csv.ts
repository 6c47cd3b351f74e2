import { parse } from 'csv-parse/sync';
import type { Override } from '../../scenario/overrides.js';
import type { Problem } from '../../scenario/problem.js';
import { settingsFrom } from './log-settings.js';
import type { ParsedLog, ParsedRun } from './parsed-log.js';

/** Columns of a table with one column per case, as postings have it. */
const WIDE_COLUMNS: Readonly<Record<string, readonly string[] | undefined>> = {
  xapic_off: ['apicMode=xapic', 'ipiv=off'],
  xapic_on: ['apicMode=xapic', 'ipiv=on'],
  x2apic_off: ['apicMode=x2apic', 'ipiv=off'],
  x2apic_on: ['apicMode=x2apic', 'ipiv=on'],
};

/** Columns of our own `csv` format that are settings. */
const LONG_COLUMNS: Readonly<Record<string, string | undefined>> = {
  apic_mode: 'apicMode',
  ipiv: 'ipiv',
  ap_halt_policy: 'apHaltPolicy',
  vcpus: 'vcpus',
  kvm_version: 'kvm.version',
};

/** A cell, and where it stands. */
interface Cell {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** Whether a text is one of the two forms of CSV. */
export function isMeasuredCsv(text: string): boolean {
  const [header] = text.replace(/^\uFEFF/, '').split(/\r?\n/, 1);
  const names = header.split(',').map(unquoted);
  return names.includes('average_cycles') || names.some((name) => WIDE_COLUMNS[name] !== undefined);
}

/** Reads a table with one column per case, or one with one row per run as `run --format csv` writes it. */
export function parseMeasuredCsv(file: string, text: string): ParsedLog {
  const log = { file, format: 'csv', exitTables: [], skipped: [], foreign: [], vcpus: null } as const;
  let rows: { record: string[]; info: { lines: number } }[];
  try {
    rows = parse(text, OPTIONS) as unknown as typeof rows;
  } catch (error) {
    const { message, lines = 1 } = error as Error & { lines?: number };
    return { ...log, runs: [], problems: [{ at: { source: file, line: lines, column: 1 }, message, hint: NOT_WHOLE }] };
  }
  const [header, ...body] = rows.map(({ record, info }) =>
    record.map((cell, column): Cell => ({ text: cell.trim(), line: info.lines, column: column + 1 })),
  );
  const names = header.map((cell) => cell.text);
  const reader = new CsvReader(file, names);
  for (const row of body) reader.take(row);
  return { ...log, runs: reader.runs, problems: reader.problems };
}

/** `info` adds the line of each record, which the types of csv-parse do not know. */
const OPTIONS = { bom: true, info: true, comment: '#', skip_empty_lines: true } as const;
const NOT_WHOLE = 'the file may be cut off or damaged';

class CsvReader {
  readonly runs: ParsedRun[] = [];
  readonly problems: Problem[] = [];
  readonly #file: string;
  readonly #names: readonly string[];

  constructor(file: string, names: readonly string[]) {
    this.#file = file;
    this.#names = names;
    const wide = !names.includes('average_cycles');
    names.forEach((name, column) => {
      if (name !== '' && names.indexOf(name) < column) {
        const hint = 'the runs of a case are the rows of one column';
        this.#problem({ text: name, line: 1, column: column + 1 }, `column "${name}" stands twice`, hint);
      }
      if (!wide || name === 'run' || WIDE_COLUMNS[name] !== undefined) return;
      const known = Object.keys(WIDE_COLUMNS).join(', ');
      this.#problem({ text: name, line: 1, column: column + 1 }, `unknown column "${name}"`, `known: run, ${known}`);
    });
  }

  take(row: readonly Cell[]): void {
    if (this.#names.includes('average_cycles')) this.#takeLong(row);
    else this.#takeWide(row);
  }

  #takeWide(row: readonly Cell[]): void {
    row.forEach((cell, column) => {
      const tokens = WIDE_COLUMNS[this.#names[column]];
      if (tokens === undefined || cell.text === '') return;
      const average = this.#cycles(cell, this.#names[column]);
      this.#add('ipi', average, null, settingsFrom(tokens, this.#file));
    });
  }

  #takeLong(row: readonly Cell[]): void {
    const cell = (name: string): Cell | undefined => row.at(this.#names.indexOf(name));
    const averageCell = this.#names.includes('average_cycles') ? cell('average_cycles') : undefined;
    if (averageCell === undefined) return;
    const average = this.#cycles(averageCell, 'average_cycles');
    const innerCell = this.#names.includes('inner_average_cycles') ? cell('inner_average_cycles') : undefined;
    const inner =
      innerCell === undefined || innerCell.text === '' ? null : this.#cycles(innerCell, 'inner_average_cycles');
    const workload = this.#names.includes('workload') ? (cell('workload')?.text ?? 'ipi') : 'ipi';
    this.#add(workload, average, inner, this.#settings(row, averageCell.line));
  }

  #settings(row: readonly Cell[], line: number): Override[] {
    const source = `${this.#file}:${line}`;
    const id = this.#names.indexOf('case');
    if (id >= 0 && row[id].text.includes('=')) return settingsFrom(row[id].text.split(' '), source);
    const tokens = this.#names.flatMap((name, column) => {
      const key = LONG_COLUMNS[name];
      return key === undefined || row[column].text === '' ? [] : [`${key}=${row[column].text}`];
    });
    return settingsFrom(tokens, source);
  }

  #add(workload: string, average: number | null, inner: number | null, settings: readonly Override[]): void {
    if (average === null) return;
    const test = workload.replaceAll('-', '_');
    const console = [`${test} ${average}`, ...(inner === null ? [] : [`  ipi ${test} ${inner}`])];
    this.runs.push({ workload, average, inner, console, settings });
  }

  #cycles(cell: Cell, name: string): number | null {
    const value = Number(cell.text);
    if (cell.text !== '' && Number.isFinite(value) && value > 0) return value;
    this.#problem(cell, `${name} is "${cell.text}", not a number of cycles`, NOT_WHOLE);
    return null;
  }

  #problem({ line, column }: Cell, message: string, hint: string): void {
    this.problems.push({ at: { source: this.#file, line, column }, message, hint });
  }
}

function unquoted(name: string): string {
  return name.trim().replace(/^"(.*)"$/, '$1');
}
