import { parse } from 'csv-parse/sync';

/** A table of measured runs: one column per case. */
export interface MeasuredTable {
  readonly columns: readonly MeasuredColumn[];
}

export interface MeasuredColumn {
  /** `xapic_off`, `xapic_on`, `x2apic_off` or `x2apic_on`. */
  readonly name: string;
  readonly samples: readonly number[];
  readonly mean: number;
  /** Sample variance (n - 1). */
  readonly variance: number;
}

/** The cases that a table can have, and what they are. */
export const MEASURED_CASES = {
  xapic_off: { apicMode: 'xapic', ipiv: false },
  xapic_on: { apicMode: 'xapic', ipiv: true },
  x2apic_off: { apicMode: 'x2apic', ipiv: false },
  x2apic_on: { apicMode: 'x2apic', ipiv: true },
} as const;

export type MeasuredCase = keyof typeof MEASURED_CASES;

/** The table is not usable; `origin` is the file, the message begins with it and the line. */
export class MeasuredTableError extends Error {
  readonly reason: string;
  readonly line: number | undefined;

  constructor(origin: string, reason: string, line?: number) {
    super(`${origin}${line === undefined ? '' : `:${line}`}: ${reason}`);
    this.name = 'MeasuredTableError';
    this.reason = reason;
    this.line = line;
  }
}

/** Parses CSV with a header: `run` (ignored) and one column per case, cycles per IPI. */
export function parseMeasuredTable(csv: string, origin: string): MeasuredTable {
  if (csv.trim() === '') throw new MeasuredTableError(origin, 'the file is empty');
  const [header = [], ...rows] = readCsv(csv, origin);
  const names = header.map((name) => name.trim());
  names.forEach((name, column) => {
    if (name !== 'run' && !(name in MEASURED_CASES)) {
      const known = Object.keys(MEASURED_CASES).join(', ');
      throw new MeasuredTableError(origin, `column ${column + 1} is '${name}'; known are run, ${known}`, 1);
    }
  });
  const twice = names.find((name, column) => names.indexOf(name) !== column);
  if (twice !== undefined) throw new MeasuredTableError(origin, `column ${twice} appears twice`, 1);
  const columns = names.flatMap((name, column) =>
    name === 'run'
      ? []
      : [
          measuredColumn(
            name,
            rows.map((row, line) => cell(row, column, line + 2, name, origin)),
          ),
        ],
  );
  if (columns.length === 0 || rows.length < 2)
    throw new MeasuredTableError(origin, 'no columns of cycles, or fewer than two runs');
  return { columns };
}

function readCsv(csv: string, origin: string): string[][] {
  try {
    return parse(csv, { skip_empty_lines: true, bom: true });
  } catch (error) {
    throw new MeasuredTableError(origin, error instanceof Error ? error.message : String(error));
  }
}

function cell(row: readonly string[], column: number, line: number, name: string, origin: string): number {
  const text = (row[column] ?? '').trim();
  const value = Number(text);
  if (text === '' || !Number.isFinite(value) || value <= 0) {
    throw new MeasuredTableError(origin, `${name} is '${text}', not a number of cycles`, line);
  }
  return value;
}

/** A column of cycles with its mean and variance. */
export function measuredColumn(name: string, samples: readonly number[]): MeasuredColumn {
  const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  const squares = samples.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { name, samples, mean, variance: squares / (samples.length - 1) };
}
