import type { CaseRecord } from '../../result/saved-result.js';
import { settingsText, varyingKeys } from './case-label.js';
import type { Canvas, Chart, Drawing } from './chart.js';
import { dataTable } from './data-table.js';

const MOST_CHARTS = 16;
/** Values this far apart are shown on a logarithmic axis. */
const LOGARITHMIC_FROM = 100;
const HEIGHT = 300;
/** Room for the numbers of the vertical axis, in pixels. */
const GUTTER = 52;
/** So many values or fewer are the axis's ticks themselves. */
const MOST_TICKS = 6;

/** Settings that make the curves of a chart; whatever else varies makes further charts. */
const CURVES = [
  { apicMode: 'xapic', ipiv: false, colour: 'var(--s2)' },
  { apicMode: 'xapic', ipiv: true, colour: 'var(--s5)' },
  { apicMode: 'x2apic', ipiv: false, colour: 'var(--s4)' },
  { apicMode: 'x2apic', ipiv: true, colour: 'var(--s1)' },
] as const;

/** A chart per numeric key that varies, and per combination of everything else but APIC mode and IPIv. */
export function curves(id: string, cases: readonly CaseRecord[]): Chart[] {
  const measured = cases.filter(({ summary }) => summary.average !== null);
  const keys = varyingKeys(measured);
  const numeric = keys.filter((key) => measured.every(({ settings }) => typeof settings[key] === 'number'));
  const charts = numeric.flatMap((key) => {
    const others = keys.filter((other) => ![key, 'apicMode', 'ipiv'].includes(other));
    return [...grouped(measured, others)].map(([label, group], index) =>
      curveChart(`${id}-${key.replaceAll('.', '-')}-${index}`, key, label, seriesOf(group, key)),
    );
  });
  const left = charts.length - MOST_CHARTS;
  if (left <= 0) return charts;
  const note = `${left} more charts of this kind are left out; the cases are in the tables.`;
  return [...charts.slice(0, MOST_CHARTS - 1), { ...charts[MOST_CHARTS - 1], notes: [note] }];
}

function grouped(cases: readonly CaseRecord[], keys: readonly string[]): Map<string, CaseRecord[]> {
  const groups = new Map<string, CaseRecord[]>();
  for (const record of cases) {
    const label = settingsText(record.settings, keys);
    groups.set(label, [...(groups.get(label) ?? []), record]);
  }
  return groups;
}

interface Point {
  readonly value: number;
  readonly record: CaseRecord;
}

interface Series {
  readonly label: string;
  readonly colour: string;
  readonly points: readonly Point[];
}

/** Cases that differ in nothing but `key`, in the order of its values. */
function seriesOf(cases: readonly CaseRecord[], key: string): Series[] {
  return CURVES.flatMap(({ apicMode, ipiv, colour }) => {
    const points = cases
      .filter(({ settings }) => settings['apicMode'] === apicMode && settings['ipiv'] === ipiv)
      .map((record) => ({ value: Number(record.settings[key]), record }))
      .sort((a, b) => a.value - b.value);
    return points.length === 0
      ? []
      : [{ label: settingsText({ apicMode, ipiv }, ['apicMode', 'ipiv']), colour, points }];
  });
}

function curveChart(id: string, key: string, others: string, series: readonly Series[]): Chart {
  return {
    id,
    title: `Average over ${key}${others === '' ? '' : `: ${others}`}`,
    summary: `Mean cycles per iteration for each value of ${key}; the lines between the points only guide the eye.`,
    legend: series.map(({ label, colour }) => ({ colour, text: label })),
    draw: (canvas) => draw(key, series, canvas),
    data: curveTable(key, series),
  };
}

function draw(key: string, series: readonly Series[], { width, across }: Canvas): Drawing {
  const points = series.flatMap(({ label, colour, points: own }) =>
    own.map(({ value, record }) => ({
      value,
      mean: meanOf(record),
      colour,
      text: `${label}, ${key} ${value}: ${meanOf(record)} cycles`,
    })),
  );
  const values = [...new Set(points.map(({ value }) => value))].sort((a, b) => a - b);
  const isWide = values[0] > 0 && (values.at(-1) ?? 0) / values[0] >= LOGARITHMIC_FROM;
  const kind = isWide ? ({ type: 'log' } as const) : ({ type: 'linear', zero: false } as const);
  const x = across(
    key,
    { ...kind, nice: false, range: [GUTTER, width - 8] },
    values.length > MOST_TICKS ? undefined : values,
  )('value');
  const y = { field: 'mean', type: 'quantitative', axis: MEAN_AXIS, scale: { zero: true } } as const;
  const color = { field: 'colour', type: 'nominal', scale: null } as const;
  return {
    height: HEIGHT,
    layer: [
      { data: { values: points }, mark: { type: 'line', strokeWidth: 2, aria: false }, encoding: { x, y, color } },
      {
        data: { values: points },
        mark: { type: 'circle', size: 60, opacity: 1 },
        encoding: { x, y, color, description: { field: 'text' } },
      },
    ],
  };
}

/** Labels stand over their lines, to the left of all points. */
const MEAN_AXIS = {
  title: null,
  domain: false,
  ticks: false,
  grid: true,
  gridColor: 'var(--grid)',
  labelColor: 'var(--muted)',
  labelFontSize: 12,
  labelAlign: 'left',
  labelBaseline: 'bottom',
  labelPadding: -2,
  labelOffset: -1,
  tickCount: 5,
  format: 'd',
} as const;

function meanOf({ summary }: CaseRecord): number {
  return Math.round((summary.average?.mean ?? 0) * 100) / 100;
}

function curveTable(key: string, series: readonly Series[]) {
  const values = [...new Set(series.flatMap(({ points }) => points.map(({ value }) => value)))].sort((a, b) => a - b);
  const rows = values.map((value) => [
    String(value),
    ...series.map(({ points }) => {
      const point = points.find((each) => each.value === value);
      return point === undefined ? '-' : meanOf(point.record).toFixed(2);
    }),
  ]);
  return dataTable(`Mean cycles over ${key}`, [key, ...series.map(({ label }) => label)], rows);
}
