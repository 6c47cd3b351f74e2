import { sourceOf, type SavedResult } from '../../result/saved-result.js';
import { layoutTables, percentText, reduction, type Column, type TableLayout } from '../layout.js';
import { breakdown, cpuBars, latencyBars } from './breakdown.js';
import { caseLabels } from './case-label.js';
import { disclosure, figure, type Chart } from './chart.js';
import { curves } from './curves.js';
import { distribution } from './distribution.js';
import { html, type Markup } from './markup.js';
import { environment, reproduction } from './provenance.js';
import type { ExplainedCase, ReportedResult } from './reported-result.js';
import { resultTable } from './result-table.js';
import { timeLine } from './time-line.js';

/** More tables than these are closed until asked for; far more are left out. */
const MOST_OPEN_TABLES = 6;
const MOST_TABLES = 60;
const MOST_HEADLINES = 8;
const MOST_OPEN_TIME_LINES = 4;

/** Everything about one result. */
export async function resultSection(id: string, each: ReportedResult): Promise<Markup> {
  const { name, result } = each;
  const layouts = layoutTables(result);
  const labels = caseLabels(result.cases);
  return html`<section id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${name}</h2>
    <p class="lead">${lead(result)}</p>
    ${notes(result)} ${headlines(layouts)} ${tables(result, layouts)} ${await figures(caseCharts(id, result, labels))}
    ${await explained(id, each, labels)}
    ${await figures([breakdown(`${id}-cpu`, 'What the CPUs do', CPU, cpuBars(result.cases, labels))])}
    ${environment(each)} ${reproduction(each)}
  </section>`;
}

function lead(result: SavedResult): string {
  const runs = result.cases.reduce((sum, each) => sum + each.runs.length, 0);
  const { description } = result.scenario;
  const size = `${result.cases.length} ${result.cases.length === 1 ? 'case' : 'cases'}, ${runs} runs`;
  if (sourceOf(result) === 'hardware') return `Measured on a real machine: ${size}.`;
  return `${description === '' ? '' : `${description}. `}Emulated: ${size}.`;
}

/** What is missing or went wrong, before any figure. */
function notes(result: SavedResult): Markup | null {
  const failed = result.cases.filter(({ failures }) => failures.length > 0);
  const empty = result.cases.filter(({ runs, exitTables }) => runs.length === 0 && exitTables === undefined);
  const all = [
    ...(result.interrupted ? ['The run was interrupted: averages are over finished runs only.'] : []),
    ...failed.map(({ id, failures: [{ run, message }, ...more] }) => {
      const others = more.length === 0 ? '' : `, and ${more.length} more runs failed`;
      return `The guest failed in run ${run} of ${id}: ${message}${others}.`;
    }),
    ...(empty.length === 0 ? [] : [`Cases without any finished run: ${empty.length}.`]),
  ];
  if (all.length === 0) return null;
  return html`<ul class="warning">
    ${all.map((note) => html`<li>${note}</li>`)}
  </ul>`;
}

/** What IPI virtualization changes, pair by pair. */
function headlines(layouts: readonly TableLayout[]): Markup | null {
  const pairs = layouts.flatMap((layout) => layout.columns.map((column) => ({ layout, column })));
  const cards = pairs.flatMap(({ layout, column }) => headline(layout, column, layouts.length > 1));
  if (cards.length === 0) return null;
  return html`<ul class="headlines">
    ${cards.slice(0, MOST_HEADLINES)}
  </ul>`;
}

function headline({ title }: TableLayout, column: Column, isOneOfMany: boolean): Markup[] {
  const change = reduction(column);
  const before = column.reference?.summary.average?.mean;
  const after = column.record.summary.average?.mean;
  if (change === null || before === undefined || after === undefined) return [];
  return [
    html`<li>
      <strong class="${change <= 0 ? 'better' : 'worse'}">${percentText(change)}</strong>
      <span>${column.mode}, IPIv off to on</span>
      <span class="faint">${before.toFixed(2)} → ${after.toFixed(2)} cycles</span>
      ${isOneOfMany ? html`<span class="faint">${title}</span>` : null}
    </li>`,
  ];
}

function tables(result: SavedResult, layouts: readonly TableLayout[]): Markup {
  const shown = layouts.slice(0, MOST_TABLES).map((layout) => resultTable(result, layout));
  const open = shown.slice(0, MOST_OPEN_TABLES);
  const closed = shown.slice(MOST_OPEN_TABLES);
  const left = layouts.length - shown.length;
  const hint = `${left} more tables are left out; ipiv-bench show prints them, and the figure below has every case.`;
  return html`${open} ${closed.length === 0 ? null : disclosure(`${closed.length} more tables`, closed)}
  ${left === 0 ? null : html`<p class="note">${hint}</p>`}`;
}

/** Figures of those charts that there is something to draw for. */
async function figures(charts: readonly (Chart | null)[]): Promise<Markup[]> {
  const drawn: Markup[] = [];
  for (const chart of charts) if (chart !== null) drawn.push(await figure(chart));
  return drawn;
}

function caseCharts(id: string, { cases }: SavedResult, labels: readonly string[]): (Chart | null)[] {
  return [distribution(`${id}-distribution`, cases, labels), ...curves(`${id}-curve`, cases)];
}

/** What `explain` says: steps and time lines. */
async function explained(id: string, each: ReportedResult, labels: readonly string[]): Promise<Markup> {
  const { result, explanations, timeLineNotes } = each;
  const cases = result.cases.flatMap((record, index): ExplainedCase[] => {
    const explanation = explanations.get(record.id);
    return explanation === undefined ? [] : [{ label: labels[index], explanation }];
  });
  const latency = await figures([breakdown(`${id}-latency`, 'Where the latency goes', LATENCY, latencyBars(cases))]);
  const timeLines = await figures(pairsOf(cases).map((pair, index) => timeLine(`${id}-time-line-${index}`, pair)));
  const closed = timeLines.slice(MOST_OPEN_TIME_LINES);
  return html`${latency} ${timeLines.slice(0, MOST_OPEN_TIME_LINES)}
  ${closed.length === 0 ? null : disclosure(`${closed.length} more time lines`, closed)}
  ${timeLineNotes.map((note) => html`<p class="note">${note}</p>`)}`;
}

const LATENCY = 'Steps on the critical path of one iteration, of the run that is nearest to the mean.';
const CPU =
  'Cycles that sender and target spend per iteration, over all runs, by step: also what overlaps and nobody waits for.';

/** Cases that differ only in IPIv share a time line. */
function pairsOf(explained: readonly ExplainedCase[]): ExplainedCase[][] {
  const pairs = new Map<string, ExplainedCase[]>();
  for (const each of explained) {
    const key = each.explanation.id.replace(/ ipiv=(on|off)/, '');
    pairs.set(key, [...(pairs.get(key) ?? []), each]);
  }
  return [...pairs.values()];
}
