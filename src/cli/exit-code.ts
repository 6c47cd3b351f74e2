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
