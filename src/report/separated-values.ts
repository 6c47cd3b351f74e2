import { stringify } from 'csv-stringify/sync';

export type Value = string | number | boolean | null;

/** Name of each column, with its unit, and where its value comes from. */
export type Columns<Row> = readonly (readonly [name: string, value: (row: Row) => Value])[];

/** RFC 4180 with a header; no cell is taken for a formula. */
export function csvText<Row>(columns: Columns<Row>, rows: readonly Row[]): string {
  return stringify(records(columns, rows), {
    header: true,
    columns: columns.map(([name]) => name),
    record_delimiter: 'windows',
    escape_formulas: true,
    cast: { boolean: (value) => (value ? 'on' : 'off') },
  });
}

/** Tabs between cells, one line per row; tabs and line ends inside a cell become spaces. */
export function tsvText<Row>(columns: Columns<Row>, rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `${cells.join('\t')}\n`;
  const body = rows.map((row) => line(columns.map(([, value]) => plain(value(row)))));
  return [line(columns.map(([name]) => name)), ...body].join('');
}

function plain(value: Value): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return value === null ? '' : String(value).replaceAll(/[\t\r\n]+/g, ' ');
}

function records<Row>(columns: Columns<Row>, rows: readonly Row[]): Record<string, Value>[] {
  return rows.map((row) => Object.fromEntries(columns.map(([name, value]) => [name, value(row)])));
}
