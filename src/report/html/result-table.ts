import type { SavedResult } from '../../result/saved-result.js';
import {
  EXIT_TABLE_HEADINGS,
  exitTableRows,
  originText,
  tableRows,
  valueText,
  type TableLayout,
  type TableRow,
} from '../layout.js';
import { dataTable, scrolling } from './data-table.js';
import { disclosure } from './chart.js';
import { html, type Markup } from './markup.js';

/** Runs beyond these are closed until asked for. */
const MOST_OPEN_RUNS = 24;

/** The table of the LKML posting, then what `perf kvm stat` reported on its cases, if it did. */
export function resultTable(result: SavedResult, layout: TableLayout): Markup {
  const exits = exitTableRows(layout);
  const rows = tableRows(layout);
  const others = rows.filter(({ kind }) => kind !== 'run');
  const runs = rows.length - others.length;
  const isLong = runs > MOST_OPEN_RUNS;
  return html`<h3>${layout.title}</h3>
    <p>Cycles per ${layout.unit}; ${originText(result, layout)}.</p>
    ${rows.length === 0 ? null : caseTable(layout, isLong ? others : rows)}
    ${isLong ? disclosure(`All ${runs} runs`, caseTable(layout, rows)) : null}
    ${exits.length === 0 ? null : dataTable('VM exits as perf counted them', EXIT_TABLE_HEADINGS, exits, [6])}`;
}

function caseTable(layout: TableLayout, rows: readonly TableRow[]): Markup {
  const { title } = layout;
  const bodyOf = (...kinds: readonly TableRow['kind'][]): Markup[] =>
    rows.filter(({ kind }) => kinds.includes(kind)).map(tableRow);
  const exits = bodyOf('exits', 'reason');
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
        ${bodyOf('run')}
      </tbody>
      <tbody class="summary">
        ${bodyOf('average', 'reduction')}
      </tbody>
      ${
        exits.length === 0
          ? null
          : html`<tbody class="exits">
              ${exits}
            </tbody>`
      }
    </table>`,
  );
}

function tableRow({ kind, label, values }: TableRow): Markup {
  return html`<tr>
    ${rowHeading(kind, label)}
    ${values.map((value) => {
      const text = valueText(kind, value);
      if (kind !== 'reduction' || value === null) return html`<td>${text}</td>`;
      return html`<td class="${value <= 0 ? 'better' : 'worse'}">${text}</td>`;
    })}
  </tr>`;
}

function rowHeading(kind: TableRow['kind'], label: string): Markup {
  if (kind !== 'exits' && kind !== 'reason') return html`<th scope="row">${label}</th>`;
  return html`<th scope="row" class="${kind === 'reason' ? 'inner' : 'outer'}">${label}</th>`;
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
