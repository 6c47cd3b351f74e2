import type { ComparedTable, Comparison } from '../../result/compare/comparison.js';
import { markdownRows } from '../markdown.js';
import type { ComparisonFormat } from './comparison-format.js';
import { changeText, columnName, geometricMeanText, partnerlessLines, shortIds, valueText } from './wording.js';

/** GitHub's Markdown. */
export const comparisonMarkdown: ComparisonFormat = {
  render: (comparison) => {
    const sections = comparison.tables.map((table) => tableText(comparison, table));
    const lines = [
      ...partnerlessLines(comparison).map((line) => `- without a partner in every result: ${line}`),
      ...comparison.notes.map((note) => `- ${note}`),
    ];
    if (lines.length > 0) sections.push(`${lines.join('\n')}\n`);
    return sections.join('\n');
  },
};

function tableText(comparison: Comparison, table: ComparedTable): string {
  const { reference, results } = comparison;
  const { common, short } = shortIds(table.rows);
  const others = [...results.keys()].filter((index) => index !== reference);
  const order = [reference, ...others];
  const names = order.flatMap((index) => {
    const name = columnName(comparison, table, index);
    return index === reference ? [name] : [name, 'change'];
  });
  const rows = table.rows.map((row) => [
    short(row),
    ...order.flatMap((index) => {
      const cell = row.cells[index];
      const value = cell === null ? '' : valueText(cell.value);
      return index === reference ? [value] : [value, cell?.change ? changeText(cell.change) : ''];
    }),
  ]);
  const { geometricMeans } = table;
  const means =
    geometricMeans === null
      ? []
      : [['**geometric mean**', '', ...others.flatMap((index) => ['', geometricMeanText(geometricMeans[index])])]];
  const heading = `**${table.title}**: ${table.unit}${common === '' ? '' : `; ${common}`}\n`;
  const rule = ['---', ...order.flatMap((index) => (index === reference ? ['---:'] : ['---:', '---']))];
  const unchanged = table.unchanged === 0 ? [] : [`${table.unchanged} figures are the same everywhere.\n`];
  return [heading, markdownRows([['row', ...names], rule, ...rows, ...means]), ...unchanged].join('\n');
}
