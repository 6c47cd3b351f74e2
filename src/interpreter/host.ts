// What only the host can do, called where it is due. CPUs go by number.
/** `cpu` has been charged `ticks` for `step`, which is still to be recorded. Called while somebody observes. */
// @ts-ignore: decorator
@external("host", "charged")
export declare function charged(cpu: u32, step: u32, ticks: f64): void;
/** The line at physical address `pa` has come to `cpu`. Called while somebody observes. */
// @ts-ignore: decorator
@external("host", "lineTaken")
export declare function lineTaken(cpu: u32, pa: u32, write: u32): void;
/** At time `now` a second CPU touches physical page `page`, so far private to `owner`. */
// @ts-ignore: decorator
@external("host", "trackPage")
export declare function trackPage(page: u32, owner: u32, now: f64): void;
/** CPU `cpu` is going to write to the page at `pa`, which has decoded instructions. */
// @ts-ignore: decorator
@external("host", "dropCode")
export declare function dropCode(cpu: u32, pa: u32): void;
/** At time `at` another CPU takes the line that `cpu` monitors. */
// @ts-ignore: decorator
@external("host", "loseMonitoredLine")
export declare function loseMonitoredLine(cpu: u32, at: f64): void;
/** Fills in CPU_LOOP and what follows it, for the spin loop of CPU_MARK_BRANCH. */
// @ts-ignore: decorator
@external("host", "describeLoop")
export declare function describeLoop(cpu: u32): void;
/** The code at `record` is hot: translates it, or not. */
// @ts-ignore: decorator
@external("host", "translate")
export declare function translate(cpu: u32, record: u32): void;
/** 1: the loop, which reads the TSC, is left no earlier than after the next pass, and there will be an event by then. */
// @ts-ignore: decorator
@external("host", "waitsForTsc")
export declare function waitsForTsc(cpu: u32): u32;
/** `event` (REPORT_*) has happened on a traced CPU. */
// @ts-ignore: decorator
@external("host", "reportEvent")
export declare function reportEvent(cpu: u32, event: u32, first: u32, second: u32): void;
/** The I/O APICs hear of the end of interrupt `vector` on `cpu`. */
// @ts-ignore: decorator
@external("host", "broadcastEoi")
export declare function broadcastEoi(cpu: u32, vector: u32): void;
/** Microcode of `cpu` sends the notification of a posted interrupt; `destination` as in the descriptor (NDST). */
// @ts-ignore: decorator
@external("host", "sendNotification")
export declare function sendNotification(cpu: u32, vector: u32, destination: u32): void;
