import { resultColumns, resultRows } from './csv.js';
import type { Format } from './format.js';
import { tsvText } from './separated-values.js';

/** The rows of the CSV with tabs between the cells. */
export const tsv: Format = { render: (result) => tsvText(resultColumns, resultRows(result)) };
