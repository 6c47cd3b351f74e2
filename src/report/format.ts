import type { SavedResult } from '../result/saved-result.js';
import type { Style } from './style.js';

/** One way to write a result down. */
export interface Format {
  /** The whole text, ending in a newline. */
  render(result: SavedResult, style: Style): string;
}

interface FormatEntry {
  readonly description: string;
  /** It shows cycles of runs and nothing else. */
  readonly onlyRuns?: true;
  readonly load: () => Promise<Format>;
}

const ENTRIES = {
  table: {
    description: 'one row per run, averages and reductions',
    load: async () => (await import('./table.js')).table,
  },
  plot: {
    description: 'a small distribution per case',
    onlyRuns: true,
    load: async () => (await import('./plot.js')).plot,
  },
  csv: {
    description: 'RFC 4180, one row per (case, run)',
    onlyRuns: true,
    load: async () => (await import('./csv.js')).csv,
  },
  tsv: { description: 'the same with tabs', onlyRuns: true, load: async () => (await import('./tsv.js')).tsv },
  json: { description: 'the saved result', load: async () => (await import('./json.js')).json },
  markdown: {
    description: 'the table for issues and wikis',
    load: async () => (await import('./markdown.js')).markdown,
  },
  tap: { description: 'TAP 14, one test per case', load: async () => (await import('./tap.js')).tap },
  bmf: { description: 'Bencher Metric Format', onlyRuns: true, load: async () => (await import('./bmf.js')).bmf },
  vmexit: {
    description: "what kvm-unit-tests' vmexit prints",
    onlyRuns: true,
    load: async () => (await import('./vmexit.js')).vmexit,
  },
} as const satisfies Record<string, FormatEntry>;

export type FormatName = keyof typeof ENTRIES;

/** Every format by name, each loaded when it is asked for. */
export const FORMATS: Readonly<Record<FormatName, FormatEntry>> = ENTRIES;

export const FORMAT_NAMES = Object.keys(FORMATS) as FormatName[];
