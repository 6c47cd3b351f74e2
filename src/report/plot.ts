import type { SavedResult } from '../result/saved-result.js';
import type { Format } from './format.js';
import { layoutTables, originText, type Column, type TableLayout } from './layout.js';
import type { Style } from './style.js';

/** A small distribution per case: how many runs came out where, on one scale per table. */
export const plot: Format = {
  render: (result, style) =>
    layoutTables(result)
      .map((layout) => renderPlot(result, layout, style))
      .join('\n'),
};

/** Heights of a column, from one run to the most. */
const HEIGHTS = '▁▂▃▄▅▆▇█';
const NUMBERS = ['lowest', 'median', 'highest'] as const;
const GAP = 2;
const NARROWEST_STRIP = 16;
const WIDEST_STRIP = 100;

interface Row {
  readonly label: string;
  readonly samples: readonly number[];
  /** Lowest, median and highest. */
  readonly numbers: readonly string[];
}

function renderPlot(result: SavedResult, layout: TableLayout, style: Style): string {
  const rows = layout.columns.flatMap((column) => rowOf(column, layout));
  const heading = `${style.strong(layout.title)}\nruns by cycles per ${layout.unit}; ${originText(result, layout)}`;
  if (rows.length === 0) return `${heading}\n\nno runs\n`;
  const labelWidth = Math.max(...rows.map(({ label }) => label.length));
  const numberWidth = Math.max(...[NUMBERS, ...rows.map(({ numbers }) => numbers)].flat().map(({ length }) => length));
  const forNumbers = NUMBERS.length * (numberWidth + GAP);
  const space = style.width - labelWidth - GAP;
  const hasNumbers = space - forNumbers >= NARROWEST_STRIP;
  const scale = scaleOf(rows, clamped(hasNumbers ? space - forNumbers : space, NARROWEST_STRIP, WIDEST_STRIP));
  const line = (label: string, strip: string, numbers: readonly string[]): string => {
    const figures = hasNumbers ? numbers.map((each) => each.padStart(numberWidth + GAP)).join('') : '';
    return `${label.padEnd(labelWidth + GAP)}${strip}${figures}`.trimEnd();
  };
  const lines = [
    ...(hasNumbers ? [style.faint(line('', ' '.repeat(scale.width), NUMBERS))] : []),
    ...rows.map(({ label, samples, numbers }) => line(label, strip(samples, scale), numbers)),
    style.faint(line('', axis(scale), [])),
  ];
  return `${heading}\n\n${lines.join('\n')}\n`;
}

function clamped(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

function rowOf({ record, mode, ipiv }: Column, { hasIpivAxis }: TableLayout): Row[] {
  const { average } = record.summary;
  if (average === null) return [];
  const samples = record.runs.flatMap((run) => run.samples.average ?? []);
  const numbers = [average.minimum, average.median, average.maximum].map(numberText);
  return [{ label: hasIpivAxis ? `${mode}, ${ipiv}` : mode, samples, numbers }];
}

interface Scale {
  readonly low: number;
  readonly high: number;
  /** Characters. */
  readonly width: number;
}

function scaleOf(rows: readonly Row[], width: number): Scale {
  const samples = rows.flatMap((row) => row.samples);
  return {
    low: samples.reduce((a, b) => Math.min(a, b)),
    high: samples.reduce((a, b) => Math.max(a, b)),
    width,
  };
}

function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}

/** A column per share of the scale, as high as there are runs in it. */
function strip(samples: readonly number[], { low, high, width }: Scale): string {
  const counts = new Array<number>(width).fill(0);
  for (const sample of samples) {
    const share = high === low ? 0.5 : (sample - low) / (high - low);
    counts[Math.min(Math.floor(share * width), width - 1)]++;
  }
  const most = Math.max(...counts);
  return counts.map((count) => (count === 0 ? ' ' : HEIGHTS[Math.ceil((count / most) * HEIGHTS.length) - 1])).join('');
}

/** The ends of the scale under its ends; its only value in the middle. */
function axis({ low, high, width }: Scale): string {
  const [first, last] = [low, high].map(numberText);
  if (low === high) return `${' '.repeat(Math.floor(width / 2))}${first}`;
  return `${first}${last.padStart(width - first.length)}`;
}
