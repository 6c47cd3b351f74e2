/** What the handler of a VM exit asks of the run loop. */

/** Handled: enter the guest again. */
export const EXIT_CONTINUES = 0;
/** Wait for your turn, call the handler again; nothing has been done yet. */
export const EXIT_WAITS = 1;
/** Handled, and `host.request` is to be delivered. */
export const EXIT_SENDS = 2;
/** Handled, and `host.request` is to be delivered to the vCPUs in `host.targets`. */
export const EXIT_SENDS_TO = 5;
/** Handled, and `host.raised` is to be delivered. */
export const EXIT_RAISES = 6;
/** Handled, and every vCPU has to look at the requests in `host.broadcast`. */
export const EXIT_KICKS_ALL = 3;
/** The vCPU does not run again: user space stopped it, or it is dead. */
export const EXIT_STOPS = 4;

export type ExitResult =
  | typeof EXIT_CONTINUES
  | typeof EXIT_WAITS
  | typeof EXIT_SENDS
  | typeof EXIT_SENDS_TO
  | typeof EXIT_RAISES
  | typeof EXIT_KICKS_ALL
  | typeof EXIT_STOPS;
