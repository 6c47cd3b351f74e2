/** Charts: Vega-Lite draws them as SVG, at two widths; the page shows the one that fits. */
import type { TopLevelSpec } from 'vega-lite';
import { renderSvg } from '../chart-renderer.js';
import { html, Markup, type Insert } from './markup.js';

/** What a chart draws: layers, and the height of all or of each row. */
export type Drawing = Pick<Extract<TopLevelSpec, { layer: unknown }>, 'layer' | 'height'>;

/** What a chart draws on. */
export interface Canvas {
  /** CSS pixels. */
  readonly width: number;
  /** Fields with numbers along the one horizontal axis, which has this title and ticks at round or at these values. */
  readonly across: (title: string, scale: HorizontalScale, ticks?: number[]) => (field: string) => Horizontal;
}

/** Where numbers lie: the domain, where it is not that of the data, and the pixels, where they are not all. */
export interface HorizontalScale {
  readonly domain?: [number, number];
  readonly range?: [number, number];
  readonly type?: 'linear' | 'log';
  readonly nice?: boolean;
  readonly zero?: boolean;
  readonly padding?: number;
}

/** A channel for a number along the horizontal axis. */
export interface Horizontal {
  readonly field: string;
  readonly type: 'quantitative';
  readonly axis: object;
  readonly scale: HorizontalScale;
}

/** What a chart shows, at any width. */
export interface Chart {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  /** What is to be seen, in a sentence: shown under the title and read to those who do not see. */
  readonly summary: string;
  readonly draw: (canvas: Canvas) => Drawing;
  readonly legend?: readonly LegendEntry[];
  /** The same as a table. */
  readonly data: Markup;
  /** Says more than the drawing: not closed until asked for. */
  readonly isDataOpen?: boolean;
  readonly notes?: readonly string[];
}

export interface LegendEntry {
  readonly colour: string;
  readonly text: string;
}

/** Width of the drawing in CSS pixels: on a desk, and on a phone. */
const WIDTHS = { wide: 960, narrow: 328 } as const;
const TICKS = { wide: 10, narrow: 4 } as const;
const PADDING = { left: 1, top: 2, right: 14, bottom: 40 } as const;

/** A chart with its title, legend and data. */
export async function figure(chart: Chart): Promise<Markup> {
  const { id, title, summary, legend = [], data, isDataOpen = false, notes = [] } = chart;
  const drawings = [await drawing(chart, 'wide'), await drawing(chart, 'narrow')];
  return html`<figure id="${id}" aria-labelledby="${id}-title">
    <figcaption>
      <h3 id="${id}-title">${title}</h3>
      <p>${summary}</p>
    </figcaption>
    ${legendList(legend)} ${drawings} ${notes.map((note) => html`<p class="note">${note}</p>`)}
    ${isDataOpen ? data : disclosure('The figure as a table', data)}
  </figure>`;
}

/** Width of a character inside a bar, and room beside the text, in pixels: rather too much. */
const CHARACTER_WIDTH = 6.6;
const BESIDE_TEXT = 6;

/** What a bar says: the step's name where it fits, else its cycles, else nothing. */
export function insideText(step: string, cycles: number, pixelsPerCycle: number): string {
  const fits = (text: string): boolean => text.length * CHARACTER_WIDTH + BESIDE_TEXT <= cycles * pixelsPerCycle;
  return [step, cycles.toFixed(0)].find(fits) ?? '';
}

/** Something that opens when asked for. */
export function disclosure(title: string, content: Insert): Markup {
  return html`<details>
    <summary>${title}</summary>
    ${content}
  </details>`;
}

function legendList(legend: readonly LegendEntry[]): Markup | null {
  if (legend.length === 0) return null;
  const entries = legend.map(({ colour, text }) => html`<li style="--swatch: ${colour}">${text}</li>`);
  return html`<ul class="legend">
    ${entries}
  </ul>`;
}

async function drawing({ id, title, summary, draw }: Chart, size: keyof typeof WIDTHS): Promise<Markup> {
  const width = WIDTHS[size] - PADDING.left - PADDING.right;
  const across: Canvas['across'] = (axisTitle, scale, values) => {
    const ticks = values === undefined ? { tickCount: TICKS[size] } : { values };
    const axis = { ...AXIS, ...ticks, title: axisTitle };
    return (field) => ({ field, type: 'quantitative', axis, scale });
  };
  const svg = await renderSvg({ ...FRAME, width, ...draw({ width, across }) });
  const [labelId, textId] = [`${id}-${size}-title`, `${id}-${size}-text`];
  const opening = html`<svg class="${size}" role="img" aria-labelledby="${labelId} ${textId}"`;
  const texts = html`<title id="${labelId}">${title}</title><desc id="${textId}">${summary}</desc>`;
  return new Markup(
    withTitles(svg).replace(
      /^<svg [^>]*?(viewBox="[^"]*")>/,
      (_, box: string) => `${opening.text} ${box}>${texts.text}`,
    ),
  );
}

/** Descriptions of marks become titles, which a pointer shows; the picture as a whole has its own description. */
function withTitles(svg: string): string {
  return svg
    .replace(/<path ([^>]*?)aria-label="([^"]*)"([^>]*?)\/?>(<\/path>)?/g, '<path $1$3><title>$2</title></path>')
    .replace(/<[a-z][^>]*>/g, (tag) => tag.replace(/ (?:role|aria-[a-z]+|pointer-events|class)="[^"]*"/g, ''));
}

const AXIS = {
  orient: 'bottom',
  domain: false,
  ticks: false,
  grid: true,
  gridColor: 'var(--grid)',
  labelColor: 'var(--muted)',
  titleColor: 'var(--muted)',
  labelFontSize: 12,
  titleFontSize: 12,
  titleFontWeight: 'normal',
  titlePadding: 6,
  labelPadding: 6,
  labelFlush: true,
  labelOverlap: true,
  format: 'd',
} as const;

const FRAME = {
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  autosize: { type: 'none' },
  padding: PADDING,
  background: 'transparent',
  config: {
    view: { stroke: null },
    font: 'system-ui, sans-serif',
    axis: { aria: false },
    text: { aria: false, fontSize: 12, fill: 'var(--text)' },
    rule: { aria: false },
  },
} as const;
