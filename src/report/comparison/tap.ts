import { tapLine, tapText } from '../tap.js';
import type { ComparisonFormat } from './comparison-format.js';
import { changeText, verdictOf } from './wording.js';

/** One test per row and result: not ok where the row became worse; skipped where it has no partner. */
export const comparisonTap: ComparisonFormat = {
  render: ({ tables, results, partnerless, notes }) => {
    const compared = tables.flatMap(({ title, rows }) =>
      rows.flatMap(({ id, figure, cells }) =>
        cells.flatMap((cell, index) => {
          if (cell === null || cell.change === null) return [];
          const what = [title, results[index].name, id, figure].filter((part) => part !== null).join(': ');
          return [tapLine(verdictOf(cell.change) !== 'worse', `${what}: ${changeText(cell.change)}`)];
        }),
      ),
    );
    const alone = partnerless.map(({ id, results: names }) => tapLine(true, id, `only in ${names.join(', ')}`));
    return tapText([...compared, ...alone], notes);
  },
};
