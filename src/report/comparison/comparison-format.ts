import type { Comparison } from '../../result/compare/comparison.js';
import type { Style } from '../style.js';

/** One way to write a comparison down. */
export interface ComparisonFormat {
  /** The whole text, ending in a newline. */
  render(comparison: Comparison, style: Style): string;
}

/** Every format by name, each loaded when it is asked for. */
export const COMPARISON_FORMATS = {
  table: {
    description: 'rows side by side, with their changes',
    load: async () => (await import('./table.js')).comparisonTable,
  },
  csv: {
    description: 'RFC 4180, one row per (figure, result)',
    load: async () => (await import('./records.js')).comparisonCsv,
  },
  tsv: { description: 'the same with tabs', load: async () => (await import('./records.js')).comparisonTsv },
  json: { description: 'all of it', load: async () => (await import('./json.js')).comparisonJson },
  markdown: {
    description: 'the table for issues and wikis',
    load: async () => (await import('./markdown.js')).comparisonMarkdown,
  },
  tap: {
    description: 'TAP 14: a row fails where it became worse',
    load: async () => (await import('./tap.js')).comparisonTap,
  },
  bmf: {
    description: 'Bencher Metric Format: what stands beside the reference',
    load: async () => (await import('./bmf.js')).comparisonBmf,
  },
} as const satisfies Record<string, { description: string; load: () => Promise<ComparisonFormat> }>;

export type ComparisonFormatName = keyof typeof COMPARISON_FORMATS;

export const COMPARISON_FORMAT_NAMES = Object.keys(COMPARISON_FORMATS) as ComparisonFormatName[];
