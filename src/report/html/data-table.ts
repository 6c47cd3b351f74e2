import { html, type Insert, type Markup } from './markup.js';

/** A table that scrolls by itself where it is too wide; the first column names the rows, the others hold figures. */
export function dataTable(
  caption: string,
  headings: readonly string[],
  rows: readonly (readonly Insert[])[],
  texts: readonly number[] = [],
): Markup {
  const cell = (value: Insert, column: number): Markup =>
    column === 0
      ? html`<th scope="row">${value}</th>`
      : texts.includes(column)
        ? html`<td class="text">${value}</td>`
        : html`<td>${value}</td>`;
  const body = rows.map(
    (row) =>
      html`<tr>
        ${row.map(cell)}
      </tr>`,
  );
  return scrolling(
    caption,
    html`<table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${headings.map((heading) => html`<th scope="col">${heading}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${body}
      </tbody>
    </table>`,
  );
}

/** Puts something wide into a box that can be scrolled with the keyboard too. */
export function scrolling(label: string, content: Markup): Markup {
  return html`<div class="scroll" role="group" tabindex="0" aria-label="${label}">${content}</div>`;
}
