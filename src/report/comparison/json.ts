import type { ComparisonFormat } from './comparison-format.js';

/** All of it. */
export const comparisonJson: ComparisonFormat = {
  render: (comparison) => `${JSON.stringify(comparison, null, 1)}\n`,
};
