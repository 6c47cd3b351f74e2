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

/** The table of the LKML posting in GitHub's Markdown. */
export const markdown: Format = {
  render: (result) =>
    layoutTables(result)
      .map((layout) => renderTable(result, layout))
      .join('\n'),
};

function renderTable(result: SavedResult, layout: TableLayout): string {
  const { columns, hasIpivAxis, title, unit } = layout;
  const head = ['run', ...columns.map(({ mode, ipiv }) => (hasIpivAxis ? `${mode}, ${ipiv}` : mode))];
  const rows = tableRows(layout).map(cells);
  const exits = exitTableRows(layout);
  return [
    `**${escaped(title)}** (cycles per ${unit}; ${originText(result, layout)})\n`,
    ...(rows.length === 0 ? [] : [markdownRows([head, ['---', ...columns.map(() => '---:')], ...rows])]),
    ...(exits.length === 0
      ? []
      : [markdownRows([EXIT_TABLE_HEADINGS, EXIT_TABLE_HEADINGS.map(() => '---'), ...exits])]),
  ].join('\n');
}

function cells({ kind, label, values }: TableRow): string[] {
  const texts = [label, ...values.map((value) => valueText(kind, value))];
  if (kind === 'average' || kind === 'reduction') return texts.map((text) => (text === '' ? '' : `**${text}**`));
  return kind === 'reason' ? [`&emsp;${label}`, ...texts.slice(1)] : texts;
}

/** A table, its second row being the rule under the headings. */
export function markdownRows(rows: readonly (readonly string[])[]): string {
  return `${rows.map((row) => `| ${row.map(escaped).join(' | ')} |`).join('\n')}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}
