import type { ComparedCell, ComparedRow, ComparedTable, Comparison } from '../../result/compare/comparison.js';
import { csvText, tsvText, type Columns } from '../separated-values.js';
import type { ComparisonFormat } from './comparison-format.js';
import { verdictOf } from './wording.js';

/** One figure of one result. */
interface Entry {
  readonly comparison: Comparison;
  readonly table: ComparedTable;
  readonly row: ComparedRow;
  readonly index: number;
  readonly cell: ComparedCell;
}

/** RFC 4180. */
export const comparisonCsv: ComparisonFormat = { render: (comparison) => csvText(COLUMNS, entries(comparison)) };

/** The same with tabs. */
export const comparisonTsv: ComparisonFormat = { render: (comparison) => tsvText(COLUMNS, entries(comparison)) };

function entries(comparison: Comparison): Entry[] {
  return comparison.tables.flatMap((table) =>
    table.rows.flatMap((row) =>
      row.cells.flatMap((cell, index) => (cell === null ? [] : [{ comparison, table, row, index, cell }])),
    ),
  );
}

const measured = ({ cell: { change } }: Entry) => (change?.kind === 'measured' ? change : null);

/** New columns go to the end. */
const COLUMNS: Columns<Entry> = [
  ['table', ({ table }) => table.title],
  ['case', ({ row }) => row.id],
  ['figure', ({ row }) => row.figure],
  ['result', ({ comparison, index }) => comparison.results[index].name],
  ['source', ({ comparison, index }) => comparison.results[index].source],
  ['is_reference', ({ comparison, index }) => index === comparison.reference],
  ['statistic', ({ table, index }) => table.statistics[index]],
  ['value', ({ cell }) => cell.value],
  ['samples', ({ cell }) => cell.n],
  ['change_kind', ({ cell }) => cell.change?.kind ?? null],
  ['delta', ({ cell }) => cell.change?.delta ?? null],
  ['change_percent', ({ cell }) => cell.change?.percent ?? null],
  ['p_value', (entry) => measured(entry)?.p ?? null],
  ['test', (entry) => measured(entry)?.test ?? null],
  ['interval_low_percent', (entry) => measured(entry)?.interval?.[0] ?? null],
  ['interval_high_percent', (entry) => measured(entry)?.interval?.[1] ?? null],
  ['verdict', ({ cell }) => (cell.change === null ? null : verdictOf(cell.change))],
];
