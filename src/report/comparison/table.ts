import type { Change, ComparedTable, Comparison } from '../../result/compare/comparison.js';
import type { Style } from '../style.js';
import type { ComparisonFormat } from './comparison-format.js';
import {
  changeText,
  columnName,
  geometricMeanText,
  partnerlessLines,
  shortIds,
  valueText,
  verdictOf,
} from './wording.js';

/** Rows without a partner that are named before the rest is only counted. */
const MOST_PARTNERLESS = 20;

/** For the terminal: a table per metric, then what has no partner, then what one must know. */
export const comparisonTable: ComparisonFormat = {
  render: (comparison, style) => {
    const sections = comparison.tables.map((table) => tableText(comparison, table, style));
    const rest = [...partnerlessText(comparison), ...comparison.notes.map((note) => style.faint(`note: ${note}`))];
    if (rest.length > 0) sections.push(`${rest.join('\n')}\n`);
    return sections.join('\n');
  },
};

interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

function tableText(comparison: Comparison, table: ComparedTable, style: Style): string {
  const { common, short } = shortIds(table.rows);
  const others = [...comparison.results.keys()].filter((index) => index !== comparison.reference);
  const order = [comparison.reference, ...others];
  const heading = order.flatMap((index): Cell[] => {
    const name: Cell = { text: columnName(comparison, table, index), paint: style.strong };
    return index === comparison.reference ? [name] : [name, { text: '' }];
  });
  const rows = table.rows.map((row): Cell[] => [
    { text: short(row) },
    ...order.flatMap((index): Cell[] => {
      const cell = row.cells[index];
      const value: Cell = { text: cell === null ? '-' : valueText(cell.value) };
      return index === comparison.reference ? [value] : [value, changeCell(cell?.change ?? null, style)];
    }),
  ]);
  const lines = [`${style.strong(table.title)}: ${table.unit}`, ...(common === '' ? [] : [common]), ''];
  if (rows.length > 0)
    lines.push(...aligned([[{ text: '' }, ...heading], ...rows, ...meanRow(table, order, comparison)]));
  if (table.unchanged > 0) lines.push(style.faint(`${table.unchanged} figures are the same everywhere`));
  return `${lines.join('\n')}\n`;
}

function changeCell(change: Change | null, style: Style): Cell {
  if (change === null) return { text: '' };
  const verdict = verdictOf(change);
  const paint = verdict === 'better' ? style.better : verdict === 'worse' ? style.worse : undefined;
  return { text: changeText(change), ...(paint === undefined ? {} : { paint }) };
}

function meanRow({ geometricMeans }: ComparedTable, order: readonly number[], { reference }: Comparison): Cell[][] {
  if (geometricMeans === null) return [];
  const cells = order.flatMap((index): Cell[] =>
    index === reference ? [{ text: '' }] : [{ text: '' }, { text: geometricMeanText(geometricMeans[index]) }],
  );
  return [[{ text: 'geometric mean' }, ...cells]];
}

/** The first column and changes to the left, values to the right. */
function aligned(rows: readonly (readonly Cell[])[]): string[] {
  const widths = rows[0].map((_, column) => rows.reduce((most, row) => Math.max(most, row[column].text.length), 0));
  return rows.map((row) =>
    row
      .map(({ text, paint = (same) => same }, column) => {
        const space = ' '.repeat(widths[column] - text.length);
        const isValue = column === 1 || (column > 1 && column % 2 === 0);
        return isValue ? space + paint(text) : paint(text) + space;
      })
      .join('  ')
      .trimEnd(),
  );
}

function partnerlessText(comparison: Comparison): string[] {
  const lines = partnerlessLines(comparison);
  if (lines.length === 0) return [];
  const more = lines.length - MOST_PARTNERLESS;
  return [
    `without a partner in every result: ${lines.length}`,
    ...lines.slice(0, MOST_PARTNERLESS).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    '',
  ];
}
