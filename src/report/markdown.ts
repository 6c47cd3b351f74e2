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

/** The table of the LKML posting in GitHub's Markdown. */
export const markdown: Format = {
  render: (result) =>
    layoutTables(result)
      .map((layout) => renderTable(result, layout))
      .join('\n'),
};

function renderTable(result: SavedResult, layout: TableLayout): string {
  const { columns, hasIpivAxis, title, unit } = layout;
  const runs = Array.from({ length: runCount(layout) }, (_, index) => [
    String(index + 1),
    ...columns.map((column) => sampleOf(column, index + 1)?.toString() ?? ''),
  ]);
  const reductions = columns.map((column) => {
    const change = reduction(column);
    return change === null ? '' : `**${percentText(change)}**`;
  });
  const rows = [
    ['run', ...columns.map(({ mode, ipiv }) => (hasIpivAxis ? `${mode}, ${ipiv}` : mode))],
    ['---', ...columns.map(() => '---:')],
    ...runs,
    ['**Average cycles**', ...columns.map(({ record }) => `**${record.summary.average?.mean.toFixed(2) ?? ''}**`)],
    ...(hasIpivAxis ? [['**%Reduction**', ...reductions]] : []),
    ...exitRows(layout).map(({ label, perIteration }) => [
      label.replace(/^ +/, '&emsp;'),
      ...perIteration.map((exits) => exits.toFixed(2)),
    ]),
  ];
  const heading = `**${escaped(title)}** (cycles per ${unit}; ${originText(result, layout)})`;
  const exits = exitTableRows(layout);
  const exitTable = [EXIT_TABLE_HEADINGS, EXIT_TABLE_HEADINGS.map(() => '---'), ...exits];
  return [`${heading}\n`, markdownRows(rows), ...(exits.length === 0 ? [] : [markdownRows(exitTable)])].join('\n');
}

/** A table, its second row being the rule under the headings. */
export function markdownRows(rows: readonly (readonly string[])[]): string {
  return `${rows.map((row) => `| ${row.map(escaped).join(' | ')} |`).join('\n')}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}
