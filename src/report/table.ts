import CliTable from 'cli-table3';
import type { SavedResult } from '../result/saved-result.js';
import type { Format } from './format.js';
import {
  EXIT_TABLE_HEADINGS,
  exitTableRows,
  layoutTables,
  originText,
  tableRows,
  valueText,
  type TableLayout,
  type TableRow,
} from './layout.js';
import type { Style } from './style.js';

/** The table of the LKML posting: a row per run, `Average cycles`, `%Reduction`, and the exits per IPI beneath. */
export const table: Format = {
  render: (result, style) =>
    layoutTables(result)
      .map((layout) => renderTable(result, layout, style))
      .join('\n'),
};

type Cell = CliTable.Cell;

function renderTable(result: SavedResult, layout: TableLayout, style: Style): string {
  const rows = body(layout, style);
  const heading = `${style.strong(layout.title)}\ncycles per ${layout.unit}; ${originText(result, layout)}`;
  const figures =
    rows.length === 0
      ? ''
      : aligned([...headings(layout, style), ...rows], ['left', ...layout.columns.map(() => 'right' as const)]);
  const parts = [heading, figures, exitTables(layout, style)];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** What `perf kvm stat` reported on the cases; empty where it did not. */
function exitTables(layout: TableLayout, style: Style): string {
  const rows = exitTableRows(layout);
  if (rows.length === 0) return '';
  const alignments = ['left', 'right', 'right', 'right', 'right', 'right', 'left'] as const;
  return aligned([EXIT_TABLE_HEADINGS.map(style.strong), ...rows], alignments);
}

const PLAIN = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '' },
  ...{ 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '' },
};

/** The APIC mode over its columns, then IPIv off and on; the modes alone where IPIv does not vary. */
function headings({ columns, hasIpivAxis }: TableLayout, style: Style): Cell[][] {
  if (!hasIpivAxis) return [['run', ...columns.map(({ mode }) => mode)].map(style.strong)];
  const modes = [...new Set(columns.map(({ mode }) => mode))];
  const groups = modes.map((mode) => ({
    content: style.strong(`${mode} mode`),
    colSpan: columns.filter((column) => column.mode === mode).length,
    hAlign: 'center' as const,
  }));
  return [['', ...groups], ['run', ...columns.map(({ ipiv }) => ipiv)].map(style.strong)];
}

/** The rows, and a blank one before the exits. */
function body(layout: TableLayout, style: Style): Cell[][] {
  const rows = tableRows(layout);
  const firstExits = rows.findIndex(({ kind }) => kind === 'exits');
  return rows.flatMap((row, index) => {
    const blank = index === firstExits ? [['', ...row.values.map(() => '')]] : [];
    return [...blank, cells(row, style)];
  });
}

function cells({ kind, label, values }: TableRow, style: Style): Cell[] {
  const texts = values.map((value) => painted(kind, value, style));
  if (kind === 'average') return [label, ...texts].map(style.strong);
  return [kind === 'reason' ? `  ${label}` : label, ...texts];
}

function painted(kind: TableRow['kind'], value: number | null, style: Style): string {
  const text = valueText(kind, value);
  if (kind !== 'reduction' || value === null) return text;
  return (value <= 0 ? style.better : style.worse)(text);
}

/** Rows without frames, and without blanks at their ends. */
function aligned(rows: Cell[][], colAligns: readonly CliTable.HorizontalAlignment[]): string {
  const grid = new CliTable({
    chars: PLAIN,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    colAligns: [...colAligns],
  });
  grid.push(...rows);
  return grid
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
