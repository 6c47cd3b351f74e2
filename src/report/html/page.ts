/** The report: one HTML file that needs nothing else. */
import type { Comparison } from '../../result/compare/comparison.js';
import { html, Markup } from './markup.js';
import type { ReportedResult } from './reported-result.js';
import { resultSection } from './result-section.js';
import { sideBySide } from './side-by-side.js';
import { STYLESHEET } from './stylesheet.js';

/** The whole page; the same results give the same bytes. */
export async function renderPage(results: readonly ReportedResult[], comparison: Comparison | null): Promise<string> {
  const title = `ipiv-bench: ${results.map(({ name }) => name).join(', ')}`;
  const sections: Markup[] = [];
  if (comparison !== null) sections.push(await sideBySide(comparison));
  for (const [index, each] of results.entries()) sections.push(await resultSection(`r${index}`, each));
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>${title}</title>
        <style>
          ${new Markup(STYLESHEET)}
        </style>
      </head>
      <body>
        <a class="skip" href="#content">Skip to the results</a>
        <header>
          <p class="product">ipiv-bench</p>
          <h1>${results.length === 1 ? results[0].name : `${results.length} results`}</h1>
          ${navigation(results, comparison)}
        </header>
        <main id="content" tabindex="-1">${sections}</main>
        <footer>
          <p>
            Cycles are cycles of the time-stamp counter per iteration of the timed loop: per IPI, where one is sent.
          </p>
        </footer>
      </body>
    </html>`;
  return `${page.text}\n`;
}

function navigation(results: readonly ReportedResult[], comparison: Comparison | null): Markup | null {
  if (results.length < 2) return null;
  const links = results.map(({ name }, index) => html`<li><a href="#r${index}">${name}</a></li>`);
  const first = comparison === null ? null : html`<li><a href="#side-by-side">Side by side</a></li>`;
  return html`<nav aria-label="Results">
    <ul>
      ${first} ${links}
    </ul>
  </nav>`;
}
