import { resultText } from '../result/saved-result.js';
import type { Format } from './format.js';

/** The saved result itself. */
export const json: Format = { render: resultText };
