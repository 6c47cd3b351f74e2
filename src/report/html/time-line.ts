import type { CaseExplanation, Overlap, PathLine, Work } from '../../result/explanation.js';
import { colourOf, familyLegend } from './breakdown.js';
import { insideText, type Canvas, type Chart, type Drawing } from './chart.js';
import { dataTable } from './data-table.js';
import type { ExplainedCase } from './reported-result.js';
import { familyOf } from './step-family.js';

const ROW = 26;
/** Room for the names of the lanes, in pixels. */
const GUTTER = 62;
const FLIGHT = 'wire';

/** One iteration of each of these cases, on one scale: who does what, when. */
export function timeLine(id: string, cases: readonly ExplainedCase[]): Chart {
  const works = cases.flatMap(({ explanation: { path, overlapped } }): readonly Work[] => [
    ...path.flatMap(({ lines }) => lines),
    ...overlapped.flatMap(({ work }) => work),
  ]);
  const lengths = cases.map(({ label, explanation: { cycles } }) => `${label} takes ${cycles.toFixed(0)}`).join('; ');
  const isTypical = cases.every(({ explanation: { typical } }) => typical);
  return {
    id,
    title: `Time line of one iteration${commonLabel(cases[0].label)}`,
    summary: `In cycles from its beginning: ${lengths}. Full bars follow each other on the critical path; low bars are work that nobody waits for.`,
    draw: (canvas) => draw(cases, canvas),
    legend: familyLegend(works.map(({ name }) => name)),
    data: lineTable(cases),
    notes: [
      ...(isTypical ? [] : ['The iterations beside it consist of other steps: no single one stands for the loop.']),
      ...(works.every(({ identifiable }) => identifiable) ? [] : [NOT_IDENTIFIABLE]),
    ],
  };
}

const NOT_IDENTIFIABLE =
  '~ in the table: the measured data fix only the sum of a group of steps; the prior splits it among them.';

/** What cases of the same time line have in common. */
function commonLabel(label: string): string {
  const common = label.replace(/(?:, )?IPIv o(?:n|ff)$/, '');
  return common === '' ? '' : `: ${common}`;
}

interface Piece {
  readonly lane: string;
  readonly from: number;
  readonly to: number;
  readonly colour: string;
  readonly text: string;
  readonly inside: string;
}

function draw(explained: readonly ExplainedCase[], { width, across }: Canvas): Drawing {
  const longest = Math.max(...explained.map(({ explanation }) => lengthOf(explanation)));
  const pixelsPerCycle = (width - GUTTER) / longest;
  const cases = explained.map(({ label, explanation: each }) => ({ each, name: label, lanes: lanesOf(each) }));
  const rows = cases.flatMap(({ name, lanes }) => [rowName(name, ''), ...lanes.map((lane) => rowName(name, lane))]);
  const pieces = cases.flatMap(({ each, name }) => pathPieces(each, name, pixelsPerCycle));
  const beside = cases.flatMap(({ each, name }) => each.overlapped.flatMap((work) => overlapPieces(work, name)));
  const x = across('cycles since the iteration began', { domain: [0, longest], nice: false, range: [GUTTER, width] });
  const y = { field: 'lane', type: 'nominal', axis: null, sort: null, scale: { domain: rows } } as const;
  const color = { field: 'colour', type: 'nominal', scale: null } as const;
  const bar = { x: x('from'), x2: { field: 'to' }, y, color, description: { field: 'text' } };
  const text = { field: 'inside' };
  return {
    height: { step: ROW },
    layer: [
      {
        data: { values: pieces },
        mark: { type: 'bar', height: 18, stroke: 'var(--page)', strokeWidth: 0.5 },
        encoding: bar,
      },
      {
        data: { values: beside },
        mark: { type: 'bar', height: 6, opacity: 0.55 },
        encoding: bar,
      },
      {
        data: { values: pieces.filter(({ inside }) => inside !== '') },
        mark: { type: 'text', fontSize: 11, fill: 'var(--on-bar)', dy: 0.5 },
        encoding: { x: x('middle'), y, text },
      },
      {
        data: {
          values: cases.map(({ each, name }) => ({
            lane: rowName(name, ''),
            inside: `${name}: ${each.cycles.toFixed(0)}`,
          })),
        },
        mark: { type: 'text', align: 'left', dy: 3 },
        encoding: { x: { value: 0 }, y, text },
      },
      {
        data: {
          values: cases.flatMap(({ name, lanes }) =>
            lanes.map((lane) => ({ lane: rowName(name, lane), inside: lane })),
          ),
        },
        mark: { type: 'text', align: 'left', fill: 'var(--muted)' },
        encoding: { x: { value: 6 }, y, text },
      },
    ],
  };
}

function rowName(name: string, lane: string): string {
  return JSON.stringify([name, lane]);
}

function laneOf(cpu: number): string {
  return cpu === 0 ? 'sender' : cpu === 1 ? 'target' : `CPU ${cpu}`;
}

/** Sender, wire and target, and whoever else takes part. */
function lanesOf({ path, overlapped }: CaseExplanation): string[] {
  const cpus = new Set([
    ...path.flatMap(({ lines }) => lines.map(({ cpu }) => cpu)),
    ...overlapped.map(({ cpu }) => cpu),
  ]);
  const [first, ...others] = [...cpus].sort((a, b) => a - b).map(laneOf);
  const hasFlight = path.some(({ name }) => name === 'flight');
  return [first, ...(hasFlight ? [FLIGHT] : []), ...others];
}

/** Lines follow each other without a gap; of a pattern that repeats, all of one line stand before all of the next. */
function pathPieces({ path }: CaseExplanation, name: string, pixelsPerCycle: number): Piece[] {
  let from = path[0].lines[0].start;
  return path.flatMap((section) =>
    section.lines.map((line) => {
      const to = from + line.cycles;
      const piece = {
        lane: rowName(name, section.name === 'flight' ? FLIGHT : laneOf(line.cpu)),
        ...{ from, middle: (from + to) / 2, to },
        colour: colourOf(familyOf(line.name)),
        text: `${workText(line)}, from ${line.start.toFixed(2)}`,
        inside: insideText(line.name, line.cycles, pixelsPerCycle),
      };
      from = to;
      return piece;
    }),
  );
}

/** Work off the path, one step after the other. */
function overlapPieces({ cpu, start, work }: Overlap, name: string): Piece[] {
  let from = start;
  return work.map((each) => {
    const piece = {
      lane: rowName(name, laneOf(cpu)),
      ...{ from, to: from + each.cycles, inside: '' },
      colour: colourOf(familyOf(each.name)),
      text: `off the critical path: ${workText(each)}`,
    };
    from = piece.to;
    return piece;
  });
}

/** Until all that belongs to the iteration is done. */
function lengthOf({ cycles, overlapped }: CaseExplanation): number {
  return Math.max(cycles, ...overlapped.map((work) => work.start + work.cycles));
}

function workText({ name, cycles }: Work): string {
  return `${name}: ${cycles.toFixed(2)} cycles`;
}

function lineTable(cases: readonly ExplainedCase[]) {
  const rows = cases.flatMap(({ label, explanation: { path, rest, overlapped } }) => [
    ...path.flatMap((section) => section.lines.map((line) => pathRow(label, section.name, line))),
    [label, 'rest', 'other phases of waiting loops, edges of the timed loop', '', rest.toFixed(2), '', ''],
    ...overlapped.map((each) => overlapRow(label, each)),
  ]);
  const headings = ['case', 'section', 'step', 'start', 'cycles', 'share', 'source of the value'];
  return dataTable('Time line of one iteration', headings, rows, [1, 2, 6]);
}

function pathRow(label: string, section: string, line: PathLine): string[] {
  const { name, identifiable, start, cycles, share, source } = line;
  const figures = [start.toFixed(2), cycles.toFixed(2), `${(share * 100).toFixed(1)}%`];
  return [label, section, `${identifiable ? '' : '~ '}${name}`, ...figures, source ?? ''];
}

function overlapRow(label: string, { cpu, start, cycles, slack, work }: Overlap): string[] {
  const steps = `${laneOf(cpu)}: ${work.map(({ name }) => name).join(', ')}`;
  return [label, 'off the path', steps, start.toFixed(2), cycles.toFixed(2), '', `slack ${slack.toFixed(2)}`];
}
