import type { CaseExplanation } from '../../result/explanation.js';
import type { SavedResult } from '../../result/saved-result.js';

/** A result, and what is known of one iteration of its cases. */
export interface ReportedResult {
  readonly name: string;
  readonly result: SavedResult;
  /** By case id; cases that are not explained are missing. */
  readonly explanations: ReadonlyMap<string, CaseExplanation>;
  /** What a reader must know: why there is no time line, and the like. */
  readonly notes: readonly string[];
}

/** A case that is explained, under the name that tells it from the others of its result. */
export interface ExplainedCase {
  readonly label: string;
  readonly explanation: CaseExplanation;
}
