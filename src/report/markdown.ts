import type { SavedResult } from '../result/saved-result.js';
import type { Format } from './format.js';
import { exitRows, layoutTables, percentText, reduction, runCount, sampleOf, type TableLayout } from './layout.js';

/** The table of the LKML posting in GitHub's Markdown. */
export const markdown: Format = {
  render: (result) =>
    layoutTables(result)
      .map((layout) => renderTable(result, layout))
      .join('\n'),
};

function renderTable({ seed, scenario }: SavedResult, layout: TableLayout): string {
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
  const heading = `**${escaped(title)}** (cycles per ${unit}; noise ${scenario.noise}, seed ${seed})`;
  return `${heading}\n\n${rows.map((row) => `| ${row.map(escaped).join(' | ')} |`).join('\n')}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}
