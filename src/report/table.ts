import CliTable from 'cli-table3';
import type { SavedResult } from '../result/saved-result.js';
import type { Format } from './format.js';
import {
  EXIT_TABLE_HEADINGS,
  exitRows,
  exitTableRows,
  layoutTables,
  originText,
  percentText,
  reduction,
  runCount,
  sampleOf,
  type TableLayout,
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
  const grid = new CliTable({
    chars: PLAIN,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    colAligns: ['left', ...layout.columns.map(() => 'right' as const)],
  });
  if (runCount(layout) > 0 || layout.columns.every(({ record }) => record.exitTables === undefined)) {
    grid.push(...headings(layout, style), ...runRows(layout), ...averageRows(layout, style), ...exitCells(layout));
  }
  const heading = `${style.strong(layout.title)}\ncycles per ${layout.unit}; ${originText(result, layout)}`;
  const parts = [heading, trimmed(grid.toString()), exitTables(layout, style)];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** What `perf kvm stat` reported on the cases; empty where it did not. */
function exitTables(layout: TableLayout, style: Style): string {
  const rows = exitTableRows(layout);
  if (rows.length === 0) return '';
  const grid = new CliTable({
    chars: PLAIN,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'left'],
  });
  grid.push(EXIT_TABLE_HEADINGS.map(style.strong), ...rows);
  return trimmed(grid.toString());
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

function runRows(layout: TableLayout): Cell[][] {
  return Array.from({ length: runCount(layout) }, (_, index) => [
    String(index + 1),
    ...layout.columns.map((column) => sampleOf(column, index + 1)?.toString() ?? '-'),
  ]);
}

function averageRows({ columns, hasIpivAxis }: TableLayout, style: Style): Cell[][] {
  const averages = columns.map(({ record }) => record.summary.average?.mean.toFixed(2) ?? '-');
  const rows: Cell[][] = [['Average cycles', ...averages].map(style.strong)];
  if (hasIpivAxis) rows.push(['%Reduction', ...columns.map((column) => reductionCell(reduction(column), style))]);
  return rows;
}

function reductionCell(change: number | null, style: Style): string {
  if (change === null) return '';
  return (change <= 0 ? style.better : style.worse)(percentText(change));
}

function exitCells(layout: TableLayout): Cell[][] {
  const rows = exitRows(layout).map(({ label, perIteration }) => [
    label,
    ...perIteration.map((exits) => exits.toFixed(2)),
  ]);
  if (rows.length === 0) return [];
  return [['', ...layout.columns.map(() => '')], ...rows];
}

function trimmed(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
