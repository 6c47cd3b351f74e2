import { NOT_ARCHITECTURAL } from '../result/saved-result.js';
import type { Format } from './format.js';

/** The console lines of every run. Where there are several, a comment above each names it. */
export const vmexit: Format = {
  render: ({ cases }) => {
    const caveats = cases.some(({ architectural }) => architectural === false) ? [`# ${NOT_ARCHITECTURAL}`] : [];
    const blocks = cases.flatMap(({ id, runs }) =>
      runs.map(({ run, console }) => ({ heading: `# ${id} run=${run}`, lines: console })),
    );
    const texts = blocks.map(({ heading, lines }) => (blocks.length > 1 ? [heading, ...lines] : lines));
    return [...caveats, ...texts.flat()].map((line) => `${line}\n`).join('');
  },
};
