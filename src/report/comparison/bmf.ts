import { bmfText, type Bmf } from '../bmf.js';
import type { ComparisonFormat } from './comparison-format.js';

/** What stands beside the reference: each figure, and its change in percent. Several results are told apart by name. */
export const comparisonBmf: ComparisonFormat = {
  render: ({ tables, results, reference }) => {
    const content: Bmf = {};
    for (const { title, rows } of tables) {
      for (const { id, figure, cells } of rows) {
        cells.forEach((cell, index) => {
          if (cell === null || index === reference) return;
          const benchmark = results.length === 2 ? id : `${results[index].name}: ${id}`;
          const measure = figure === null ? title : `${title}: ${figure}`;
          const percent = cell.change?.percent ?? null;
          content[benchmark] = {
            ...content[benchmark],
            [measure]: { value: cell.value },
            ...(percent === null ? {} : { [`${measure} change percent`]: { value: percent } }),
          };
        });
      }
    }
    return bmfText(content);
  },
};
