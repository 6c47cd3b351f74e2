import type { CaseRecord } from '../../result/saved-result.js';
import { settingsText, varyingKeys } from './case-label.js';
import type { Canvas, Chart, Drawing } from './chart.js';
import { dataTable } from './data-table.js';

/** Curves of one chart, each with a colour; more of them make further charts. */
const SERIES_COLOURS = ['var(--s1)', 'var(--s2)', 'var(--s3)', 'var(--s4)', 'var(--s5)', 'var(--s6)'] as const;
const MOST_CHARTS = 12;
/** Values this far apart are shown on a logarithmic axis. */
const LOGARITHMIC_FROM = 100;
const HEIGHT = 300;

/** A chart per numeric key that varies, and per few combinations of everything else. */
export function curves(id: string, cases: readonly CaseRecord[]): Chart[] {
  const measured = cases.filter(({ summary }) => summary.average !== null);
  const keys = varyingKeys(measured);
  const numeric = keys.filter((key) => measured.every(({ settings }) => typeof settings[key] === 'number'));
  const charts = numeric.flatMap((key) => {
    const others = keys.filter((other) => other !== key);
    return chunks(seriesOf(measured, key, others), SERIES_COLOURS.length).map((series, index) =>
      curveChart(`${id}-${key.replaceAll('.', '-')}-${index}`, key, series),
    );
  });
  const left = charts.length - MOST_CHARTS;
  if (left <= 0) return charts;
  const note = `${left} more charts of this kind are left out; the cases are in the tables.`;
  return [...charts.slice(0, MOST_CHARTS - 1), { ...charts[MOST_CHARTS - 1], notes: [note] }];
}

interface Point {
  readonly value: number;
  readonly record: CaseRecord;
}

interface Series {
  readonly label: string;
  readonly points: readonly Point[];
}

/** Cases that differ in nothing but `key`, in the order of its values. */
function seriesOf(cases: readonly CaseRecord[], key: string, others: readonly string[]): Series[] {
  const series = new Map<string, Point[]>();
  for (const record of cases) {
    const label = settingsText(record.settings, others);
    const points = series.get(label) ?? [];
    points.push({ value: Number(record.settings[key]), record });
    series.set(label, points);
  }
  return [...series].map(([label, points]) => ({ label, points: points.toSorted((a, b) => a.value - b.value) }));
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );
}

function curveChart(id: string, key: string, series: readonly Series[]): Chart {
  return {
    id,
    title: `Average over ${key}`,
    summary: `Mean cycles per iteration for each value of ${key}; the lines between the points are there to guide the eye.`,
    legend: series.map(({ label }, index) => ({ colour: SERIES_COLOURS[index], text: label || 'all cases' })),
    draw: (canvas) => draw(key, series, canvas),
    data: curveTable(key, series),
  };
}

function draw(key: string, series: readonly Series[], { across }: Canvas): Drawing {
  const points = series.flatMap(({ label, points: own }, index) =>
    own.map(({ value, record }) => ({
      value,
      mean: meanOf(record),
      colour: SERIES_COLOURS[index],
      text: `${label === '' ? '' : `${label}, `}${key} ${value}: ${meanOf(record)} cycles`,
    })),
  );
  const values = points.map(({ value }) => value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const isWide = least > 0 && most / least >= LOGARITHMIC_FROM;
  const x = across(key, { type: isWide ? 'log' : 'linear', zero: false, nice: false, padding: 10 })('value');
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

/** Labels stand inside the picture, over their lines. */
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
  return dataTable(`Mean cycles over ${key}`, [key, ...series.map(({ label }) => label || 'all cases')], rows);
}
