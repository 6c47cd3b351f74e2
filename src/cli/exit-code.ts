/** Exit codes of every command. */
export const EXIT = {
  DONE: 0,
  GATE_FAILED: 1,
  INPUT_ERROR: 2,
  INCONCLUSIVE: 3,
  GUEST_FAILED: 4,
  BUG: 70,
  INTERRUPTED: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each says to whoever started the command. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  DONE: 'done, or gate passed',
  GATE_FAILED: 'gate failed, or a saved result no longer comes out',
  INPUT_ERROR: 'something is wrong with the command line or an input file',
  INCONCLUSIVE: 'gate inconclusive, or nothing to compare: no common rows, another result schema, too few samples',
  GUEST_FAILED: 'a guest faulted, hung or broke an invariant of the model',
  BUG: 'a bug in ipiv-bench; DEBUG=1 adds a stack trace',
  INTERRUPTED: 'interrupted; finished runs are saved',
};
