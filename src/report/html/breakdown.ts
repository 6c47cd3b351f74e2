import type { CaseRecord, Role } from '../../result/saved-result.js';
import { insideText, type Canvas, type Chart, type Drawing, type LegendEntry } from './chart.js';
import { dataTable } from './data-table.js';
import type { ExplainedCase } from './reported-result.js';
import { familyOf, STEP_FAMILIES, type StepFamily } from './step-family.js';

const MOST_BARS = 24;
const ROW = 48;

/** A bar: what one case, or a CPU of it, spends. */
export interface Bar {
  readonly label: string;
  /** Cycles by step. */
  readonly steps: ReadonlyMap<string, number>;
}

/** Bars of stacked steps under each other, on one scale. */
export function breakdown(id: string, title: string, summary: string, bars: readonly Bar[]): Chart | null {
  if (bars.length === 0) return null;
  const shown = bars.slice(0, MOST_BARS);
  return {
    ...{ id, title, summary },
    draw: (canvas) => draw(shown, canvas),
    legend: familyLegend(shown.flatMap(({ steps }) => [...steps.keys()])),
    data: stepTable(title, bars),
    notes: bars.length > MOST_BARS ? [`The first ${MOST_BARS} of ${bars.length} bars; the table has all of them.`] : [],
  };
}

/** Steps on the critical path of each case: they add up to the average. */
export function latencyBars(explained: readonly ExplainedCase[]): Bar[] {
  return explained.map(({ label, explanation: { path } }) => {
    const steps = new Map<string, number>();
    for (const { name, cycles } of path.flatMap(({ lines }) => lines)) {
      steps.set(name, (steps.get(name) ?? 0) + cycles);
    }
    return { label, steps };
  });
}

/** Nobody's time: the interconnect is busy, not the CPU that sent. */
const ON_THE_WIRE = 'ipi-flight';

/** What keeps sender and target busy per iteration, off the critical path too. */
export function cpuBars(cases: readonly CaseRecord[], labels: readonly string[]): Bar[] {
  return cases.flatMap((record, index) =>
    (['sender', 'target'] as const).flatMap((role) => {
      const steps = stepsPerIteration(record, role);
      return steps.size === 0 ? [] : [{ label: `${labels[index]}: ${role}`, steps }];
    }),
  );
}

function stepsPerIteration({ activity, iterations }: CaseRecord, role: Role): Map<string, number> {
  const entries = Object.entries(activity[role].steps).filter(([name]) => name !== ON_THE_WIRE);
  return new Map(iterations === 0 ? [] : entries.map(([name, { cycles }]) => [name, cycles / iterations]));
}

/** Colours of the families that occur, in their fixed order. */
export function familyLegend(steps: readonly string[]): LegendEntry[] {
  const present = new Set(steps.map(familyOf));
  const families = Object.keys(STEP_FAMILIES) as StepFamily[];
  return families
    .filter((family) => present.has(family))
    .map((family) => ({ colour: colourOf(family), text: STEP_FAMILIES[family] }));
}

/** The fill of a family's steps. */
export function colourOf(family: StepFamily): string {
  return `var(--${family})`;
}

interface Segment {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly colour: string;
  readonly text: string;
  /** What fits into it. */
  readonly inside: string;
}

function draw(bars: readonly Bar[], { width, across }: Canvas): Drawing {
  const longest = Math.max(...bars.map(totalOf), 1);
  const segments = bars.flatMap((bar) => segmentsOf(bar, width / longest));
  const titles = bars.map((bar) => ({ label: bar.label, text: `${bar.label}: ${totalOf(bar).toFixed(0)}` }));
  const x = across('cycles per iteration', { domain: [0, longest], nice: false });
  const y = { field: 'label', type: 'nominal', axis: null, sort: null } as const;
  return {
    height: { step: ROW },
    layer: [
      {
        data: { values: segments },
        mark: { type: 'bar', height: 24, yOffset: 9, stroke: 'var(--page)', strokeWidth: 1 },
        encoding: {
          x: x('from'),
          y,
          x2: { field: 'to' },
          color: { field: 'colour', type: 'nominal', scale: null },
          description: { field: 'text' },
        },
      },
      {
        data: { values: segments.filter(({ inside }) => inside !== '') },
        mark: { type: 'text', dy: 9.5, fontSize: 11, fill: 'var(--on-bar)' },
        encoding: {
          x: x('middle'),
          y,
          text: { field: 'inside' },
        },
      },
      {
        data: { values: titles },
        mark: { type: 'text', align: 'left', dy: -14 },
        encoding: { x: { value: 0 }, y, text: { field: 'text' } },
      },
    ],
  };
}

function totalOf({ steps }: Bar): number {
  return [...steps.values()].reduce((sum, cycles) => sum + cycles, 0);
}

/** Family by family, in each the largest first, so that bars can be compared. */
function segmentsOf(bar: Bar, pixelsPerCycle: number): Segment[] {
  const families = Object.keys(STEP_FAMILIES);
  const rank = (step: string): number => families.indexOf(familyOf(step));
  const ordered = [...bar.steps].sort(([a, x], [b, y]) => rank(a) - rank(b) || y - x || (a < b ? -1 : 1));
  const total = totalOf(bar);
  let from = 0;
  return ordered.map(([step, cycles]) => {
    const to = from + cycles;
    const middle = (from + to) / 2;
    const share = ((cycles / total) * 100).toFixed(1);
    const text = `${step}: ${cycles.toFixed(2)} cycles, ${share}%`;
    const segment = { label: bar.label, from, middle, to, colour: colourOf(familyOf(step)), text };
    from = to;
    return { ...segment, inside: insideText(step, cycles, pixelsPerCycle) };
  });
}

/** A row per step, a column per bar. */
function stepTable(title: string, bars: readonly Bar[]) {
  const steps = new Set(bars.flatMap((bar) => [...bar.steps.keys()]));
  const rows = [...steps].map((step) => [
    step,
    STEP_FAMILIES[familyOf(step)],
    ...bars.map((bar) => bar.steps.get(step)?.toFixed(2) ?? '-'),
  ]);
  const total = ['total', '', ...bars.map((bar) => totalOf(bar).toFixed(2))];
  return dataTable(
    `${title}: cycles per iteration`,
    ['step', 'kind', ...bars.map(({ label }) => label)],
    [...rows, total],
    [1],
  );
}
