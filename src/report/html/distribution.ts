import type { CaseRecord } from '../../result/saved-result.js';
import type { Canvas, Chart, Drawing } from './chart.js';
import { dataTable } from './data-table.js';
import type { Markup } from './markup.js';

/** More cases than these would make a picture that nobody reads. */
const MOST_CASES = 24;
/** More samples than these are shown by their box alone. */
const MOST_POINTS = 100;
const ROW = 50;
/** Points of a row lie on this many levels, so that equal samples are told apart. */
const LEVELS = 5;

/** A strip and a box per case: the averages of all runs. */
export function distribution(id: string, cases: readonly CaseRecord[], labels: readonly string[]): Chart | null {
  const rows = cases.flatMap((record, index) => {
    const samples = samplesOf(record);
    return samples.length === 0 ? [] : [{ label: labels[index], record, samples }];
  });
  if (rows.length === 0) return null;
  const shown = rows.slice(0, MOST_CASES);
  const left = rows.length - shown.length;
  return {
    id,
    title: 'Distribution of the runs',
    summary:
      'Each point is the average of one run; the box spans the middle half of a case’s runs, its line is their median, the whiskers reach the lowest and the highest.',
    legend: [
      { colour: 'var(--off)', text: 'IPIv off' },
      { colour: 'var(--on)', text: 'IPIv on' },
    ],
    draw: (canvas) => draw(shown, canvas),
    data: caseTable(cases, labels),
    notes: [
      ...(left > 0 ? [`The first ${MOST_CASES} of ${rows.length} cases; the table has all of them.`] : []),
      ...(shown.some(({ samples }) => samples.length > MOST_POINTS)
        ? [`Cases of more than ${MOST_POINTS} runs are shown without their points.`]
        : []),
    ],
  };
}

interface Row {
  readonly label: string;
  readonly record: CaseRecord;
  readonly samples: readonly number[];
}

function draw(rows: readonly Row[], { across }: Canvas): Drawing {
  const boxes = rows.map(boxOf);
  const points = rows.flatMap(pointsOf);
  const x = across('cycles per iteration', { zero: false, padding: 8 });
  const y = { field: 'label', type: 'nominal', axis: null, sort: null } as const;
  const color = { field: 'colour', type: 'nominal', scale: null } as const;
  const description = { field: 'text' };
  const yOffset = 9;
  const pointLayers: Drawing['layer'] =
    points.length === 0
      ? []
      : [
          {
            data: { values: points },
            mark: { type: 'circle', size: 24, opacity: 0.8 },
            encoding: {
              x: x('sample'),
              y,
              yOffset: { field: 'level', type: 'quantitative', scale: { domain: [0, LEVELS - 1], range: [27, 41] } },
              ...{ color, description },
            },
          },
        ];
  return {
    height: { step: ROW },
    layer: [
      {
        data: { values: boxes },
        mark: { type: 'rule', strokeWidth: 1.5, yOffset },
        encoding: { x: x('low'), x2: { field: 'high' }, y, color },
      },
      {
        data: { values: boxes },
        mark: { type: 'bar', height: 18, fillOpacity: 0.25, strokeWidth: 1.5, cornerRadius: 3, yOffset },
        encoding: { x: x('lower'), x2: { field: 'upper' }, y, color, stroke: color, description },
      },
      {
        data: { values: boxes },
        mark: { type: 'tick', height: 18, thickness: 2.5, yOffset },
        encoding: { x: x('median'), y, color, description },
      },
      ...pointLayers,
      {
        data: { values: boxes },
        mark: { type: 'text', align: 'left', dy: -14 },
        encoding: { x: { value: 0 }, y, text: { field: 'label' } },
      },
    ],
  };
}

function boxOf({ label, record, samples }: Row) {
  const sorted = samples.toSorted((a, b) => a - b);
  const [low, lower, median, upper, high] = [0, 0.25, 0.5, 0.75, 1].map((share) => quantile(sorted, share));
  const text = `${label}: median ${median}, middle half ${lower} to ${upper}, all ${low} to ${high}`;
  return { label, low, lower, median, upper, high, text, colour: colourOf(record) };
}

/** Between neighbours in proportion, as spreadsheets do it. */
function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
}

function pointsOf({ label, record, samples }: Row) {
  if (samples.length > MOST_POINTS) return [];
  return record.runs.flatMap(({ run, samples: { average } }, index) => {
    if (average === null) return [];
    return { label, sample: average, level: index % LEVELS, text: `run ${run}: ${average}`, colour: colourOf(record) };
  });
}

function colourOf({ settings }: CaseRecord): string {
  return settings['ipiv'] === true ? 'var(--on)' : 'var(--off)';
}

function samplesOf({ runs }: CaseRecord): number[] {
  return runs.flatMap(({ samples }) => samples.average ?? []);
}

/** Every case with what its runs come to. */
function caseTable(cases: readonly CaseRecord[], labels: readonly string[]): Markup {
  const rows = cases.map(({ summary: { average } }, index) => [
    labels[index],
    ...(average === null
      ? ['0', '-', '-', '-', '-', '-']
      : [
          String(average.n),
          ...[average.mean, average.standardDeviation].map((value) => value.toFixed(2)),
          ...[average.minimum, average.median, average.maximum].map(String),
        ]),
  ]);
  return dataTable(
    'Cycles per iteration',
    ['case', 'runs', 'mean', 'standard deviation', 'lowest', 'median', 'highest'],
    rows,
  );
}
