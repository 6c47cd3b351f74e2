import type { SavedResult } from '../../result/saved-result.js';
import {
  EXIT_TABLE_HEADINGS,
  exitRows,
  exitTableRows,
  originText,
  percentText,
  reduction,
  runCount,
  sampleOf,
  type Column,
  type TableLayout,
} from '../layout.js';
import { dataTable, scrolling } from './data-table.js';
import { disclosure } from './chart.js';
import { html, type Markup } from './markup.js';

/** Runs beyond these are closed until asked for. */
const MOST_OPEN_RUNS = 24;

/** The table of the LKML posting, then what `perf kvm stat` reported on its cases, if it did. */
export function resultTable(result: SavedResult, layout: TableLayout): Markup {
  const exits = exitTableRows(layout);
  const runs = runCount(layout);
  const isLong = runs > MOST_OPEN_RUNS;
  return html`<h3>${layout.title}</h3>
    <p>Cycles per ${layout.unit}; ${originText(result, layout)}.</p>
    ${hasFigures(layout) ? caseTable(layout, isLong ? 0 : runs) : null}
    ${isLong ? disclosure(`All ${runs} runs`, caseTable(layout, runs)) : null}
    ${exits.length === 0 ? null : dataTable('VM exits as perf counted them', EXIT_TABLE_HEADINGS, exits, [6])}`;
}

/** Cases that only `perf` has seen have no runs. */
function hasFigures(layout: TableLayout): boolean {
  return runCount(layout) > 0 || layout.columns.every(({ record }) => record.exitTables === undefined);
}

function caseTable(layout: TableLayout, runs: number): Markup {
  const { columns, title } = layout;
  const cells = (text: (column: Column) => string): Markup[] => columns.map((column) => html`<td>${text(column)}</td>`);
  const rows = Array.from(
    { length: runs },
    (_, index) =>
      html`<tr>
        <th scope="row">${index + 1}</th>
        ${cells((column) => sampleOf(column, index + 1)?.toString() ?? '-')}
      </tr>`,
  );
  return scrolling(
    title,
    html`<table>
      <caption>
        ${title}
      </caption>
      <thead>
        ${headings(layout)}
      </thead>
      <tbody>
        ${rows}
      </tbody>
      <tbody class="summary">
        <tr>
          <th scope="row">Average cycles</th>
          ${cells(({ record }) => record.summary.average?.mean.toFixed(2) ?? '-')}
        </tr>
        ${layout.hasIpivAxis ? reductionRow(layout) : null}
      </tbody>
      ${exitBody(layout)}
    </table>`,
  );
}

function headings({ columns, hasIpivAxis }: TableLayout): Markup {
  if (!hasIpivAxis) {
    return html`<tr>
      <th scope="col">run</th>
      ${columns.map(({ mode }) => html`<th scope="col">${mode}</th>`)}
    </tr>`;
  }
  const modes = [...new Set(columns.map(({ mode }) => mode))];
  const span = (mode: string): number => columns.filter((column) => column.mode === mode).length;
  return html`<tr>
      <td></td>
      ${modes.map((mode) => html`<th scope="colgroup" colspan="${span(mode)}">${mode} mode</th>`)}
    </tr>
    <tr>
      <th scope="col">run</th>
      ${columns.map(({ ipiv }) => html`<th scope="col">${ipiv}</th>`)}
    </tr>`;
}

function reductionRow({ columns }: TableLayout): Markup {
  const cells = columns.map((column) => {
    const change = reduction(column);
    if (change === null) return html`<td></td>`;
    return html`<td class="${change <= 0 ? 'better' : 'worse'}">${percentText(change)}</td>`;
  });
  return html`<tr>
    <th scope="row">%Reduction</th>
    ${cells}
  </tr>`;
}

function exitBody(layout: TableLayout): Markup | null {
  const rows = exitRows(layout);
  if (rows.length === 0) return null;
  return html`<tbody class="exits">
    ${rows.map(
      ({ label, perIteration }) =>
        html`<tr>
          <th scope="row" class="${label.startsWith(' ') ? 'inner' : 'outer'}">${label.trim()}</th>
          ${perIteration.map((exits) => html`<td>${exits.toFixed(2)}</td>`)}
        </tr>`,
    )}
  </tbody>`;
}
