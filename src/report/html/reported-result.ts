import type { CaseExplanation } from '../../result/explanation.js';
import type { SavedResult } from '../../result/saved-result.js';

/** A result, and what is known of one iteration of its cases. */
export interface ReportedResult {
  /** As headings name it. */
  readonly name: string;
  /** The file that it was read from, without its folder. */
  readonly file: string;
  readonly result: SavedResult;
  /** By case id; cases that are not explained are missing. */
  readonly explanations: ReadonlyMap<string, CaseExplanation>;
  /** Why there are no time lines, or not all of them. */
  readonly timeLineNotes: readonly string[];
}

/** A case that is explained, under the name that tells it from the others of its result. */
export interface ExplainedCase {
  readonly label: string;
  readonly explanation: CaseExplanation;
}
