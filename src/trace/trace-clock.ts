/** Trace clocks: seconds, or the TSC of the host. */
export const TRACE_CLOCKS = ['local', 'x86-tsc'] as const;
/** Name of a trace clock. */
export type TraceClock = (typeof TRACE_CLOCKS)[number];
