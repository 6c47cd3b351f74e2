/**
 * What became of an operation that may fault, exit to root mode, or have to wait for its turn in simulated time.
 *
 * Everything that returns an outcome commits all of its effects or none: WAIT and FAULT leave architectural state as
 * it was. After WAIT the same operation is tried again when this CPU is next in (time, id) order.
 */
export const DONE = 0; //       completed; an instruction retires and RIP moves past it
export const REDIRECTED = 1; // completed and RIP is already right (branch, delivery, VM exit, IRETQ)
export const WAIT = 2; //       not this CPU's turn, or a cache line is on its way
export const FAULT = 3; //      cpu.fault says which exception or EPT event
export const PASS = 4; //       not concerned: carry on as if nobody had been asked

export type Outcome = typeof DONE | typeof REDIRECTED | typeof WAIT | typeof FAULT | typeof PASS;
