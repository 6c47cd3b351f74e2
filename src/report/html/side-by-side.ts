import type { ComparedTable, Comparison } from '../../result/compare/comparison.js';
import { changeText, columnName, geometricMeanText, valueText, verdictOf } from '../comparison/wording.js';
import { idLabels } from './case-label.js';
import { figure, type Canvas, type Chart, type Drawing } from './chart.js';
import { dataTable } from './data-table.js';
import { html, type Markup } from './markup.js';

const MOST_ROWS = 24;
const COLOURS = ['var(--s1)', 'var(--s2)', 'var(--s3)', 'var(--s4)', 'var(--s5)', 'var(--s6)'] as const;
const ROW = 40;

/** Several results on one scale, and what `compare` says to them. */
export async function sideBySide(comparison: Comparison): Promise<Markup> {
  const parts: Markup[] = [];
  for (const [index, table] of comparison.tables.entries()) {
    if (table.rows.length === 0) continue;
    parts.push(await figure(comparisonChart(`compared-${index}`, comparison, table)));
  }
  const notes = comparison.notes.map((note) => html`<li>${note}</li>`);
  const alone = comparison.partnerless.length;
  return html`<section id="side-by-side" aria-labelledby="side-by-side-title">
    <h2 id="side-by-side-title">Side by side</h2>
    ${parts.length === 0 ? html`<p class="note">The results have no case in common.</p>` : parts}
    ${alone === 0 ? null : html`<p class="note">${alone} cases are not in every result.</p>`}
    ${
      notes.length === 0
        ? null
        : html`<ul class="note">
            ${notes}
          </ul>`
    }
  </section>`;
}

function comparisonChart(id: string, comparison: Comparison, table: ComparedTable): Chart {
  const shown = table.rows.slice(0, MOST_ROWS);
  return {
    id,
    title: capitalized(table.title),
    summary: `${capitalized(table.unit)}. One point per result; the line under a case spans them.`,
    legend: table.statistics.map((_, index) => ({
      colour: COLOURS[index % COLOURS.length],
      text: columnName(comparison, table, index),
    })),
    draw: (canvas) => draw(comparison, { ...table, rows: shown }, canvas),
    data: comparedTable(comparison, table),
    isDataOpen: true,
    notes: [
      ...(table.rows.length > shown.length ? [`The first ${MOST_ROWS} of ${table.rows.length} rows.`] : []),
      ...(table.statistics.length > COLOURS.length ? ['More results than colours: the table tells them apart.'] : []),
    ],
  };
}

function draw({ results }: Comparison, { rows }: ComparedTable, { across }: Canvas): Drawing {
  const labels = rowLabels(rows);
  const points = rows.flatMap((row, at) =>
    row.cells.flatMap((cell, index) => {
      if (cell === null) return [];
      const change = cell.change === null ? '' : `, ${changeText(cell.change)}`;
      const text = `${results[index].name}: ${valueText(cell.value)}${change}`;
      return [{ label: labels[at], value: cell.value, colour: COLOURS[index % COLOURS.length], text }];
    }),
  );
  const spans = [...new Set(points.map(({ label }) => label))].map((label) => {
    const values = points.filter((point) => point.label === label).map(({ value }) => value);
    return { label, low: Math.min(...values), high: Math.max(...values) };
  });
  const x = across('', { zero: false, padding: 8 });
  const y = { field: 'label', type: 'nominal', axis: null, sort: null } as const;
  const yOffset = 8;
  return {
    height: { step: ROW },
    layer: [
      {
        data: { values: spans },
        mark: { type: 'rule', strokeWidth: 2, yOffset, stroke: 'var(--grid)' },
        encoding: { x: x('low'), x2: { field: 'high' }, y },
      },
      {
        data: { values: points },
        mark: { type: 'circle', size: 90, opacity: 0.85, yOffset },
        encoding: {
          x: x('value'),
          y,
          color: { field: 'colour', type: 'nominal', scale: null },
          description: { field: 'text' },
        },
      },
      {
        data: { values: spans },
        mark: { type: 'text', align: 'left', dy: -11 },
        encoding: { x: { value: 0 }, y, text: { field: 'label' } },
      },
    ],
  };
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function rowLabels(rows: ComparedTable['rows']): string[] {
  return idLabels(rows.map(({ id }) => id));
}

/** Value and change of every result, row by row, as `compare` prints them. */
function comparedTable(comparison: Comparison, table: ComparedTable): Markup {
  const labels = rowLabels(table.rows);
  const others = [...comparison.results.keys()].filter((index) => index !== comparison.reference);
  const order = [comparison.reference, ...others];
  const isReference = (index: number): boolean => index === comparison.reference;
  const headings = order.flatMap((index) => {
    const name = columnName(comparison, table, index);
    return isReference(index) ? [name] : [name, 'change'];
  });
  const rows = table.rows.map((row, at) => [
    labels[at],
    ...order.flatMap((index) => {
      const cell = row.cells[index];
      const value = cell === null ? '-' : valueText(cell.value);
      return isReference(index) ? [value] : [value, changeCell(cell?.change ?? null)];
    }),
  ]);
  const { geometricMeans } = table;
  const means = order.flatMap((index) =>
    isReference(index) ? [''] : ['', geometricMeanText(geometricMeans?.[index] ?? null)],
  );
  const last = geometricMeans === null ? [] : [['geometric mean', ...means]];
  return dataTable(table.title, ['case', ...headings], [...rows, ...last]);
}

function changeCell(change: Parameters<typeof changeText>[0] | null): Markup | string {
  return change === null ? '' : html`<span class="${verdictOf(change).replace(' ', '-')}">${changeText(change)}</span>`;
}
