// Operations of microcode: charge, then act. An operation is charged on its first attempt; then it waits until this CPU
// is next and has all the lines; then everything happens at once.
import {
  CPU_BEGUN,
  CPU_CHARGED,
  CPU_COLLECTED_COUNT,
  CPU_EXIT_LENGTH,
  CPU_EXIT_QUALIFICATION,
  CPU_EXIT_REASON,
  CPU_LINE_ARRIVING,
  CPU_ONCE,
  CPU_RETIRED,
  CPU_RIP,
  CPU_TRACED,
  EXITS,
  ORDER_NEXT_EVENT,
} from '../hardware/cpu/layout';
import { reportEvent } from './host';
import { idOf, timeOf } from './order';

// What an operation comes to: see hardware/cpu/outcome.ts, and EXITS.
export const DONE: u32 = 0;
export const REDIRECTED: u32 = 1;
export const WAIT: u32 = 2;
export const FAULT: u32 = 3;
export const PASS: u32 = 4;
/** Nothing has happened, or nothing but charges: the host has to do it. */
export const HOST: u32 = 6;

/** True on the first attempt of an operation: the moment to charge it. */
export function begin(cpu: usize): bool {
  if (load<u32>(cpu, CPU_BEGUN) != 0) return false;
  store<u32>(cpu, 1, CPU_BEGUN);
  store<u32>(cpu, 0, CPU_CHARGED);
  // What an earlier instruction has collected is not this operation's to take.
  if (load<u32>(cpu, CPU_LINE_ARRIVING) == 0) store<u32>(cpu, 0, CPU_COLLECTED_COUNT);
  return true;
}

/** Ends the operation begun by `begin`. */
function finish(cpu: usize): void {
  store<u32>(cpu, 0, CPU_BEGUN);
  store<u32>(cpu, 0, CPU_COLLECTED_COUNT);
}

/** Ends an operation that has come to its end: what is decoded for one execution may not outlive it. */
export function settle(cpu: usize, outcome: u32): u32 {
  if (outcome != DONE && outcome != EXITS) return outcome;
  finish(cpu);
  store<u32>(cpu, 0, CPU_ONCE);
  return outcome;
}

/** The instruction at RIP, `length` bytes long, has completed. */
export function retire(cpu: usize, length: u32): void {
  store<u64>(cpu, load<u64>(cpu, CPU_RIP) + length, CPU_RIP);
  store<u64>(cpu, load<u64>(cpu, CPU_RETIRED) + 1, CPU_RETIRED);
}

/** True once per operation and stage: what it costs to come there is to be charged. Stages count from 1. */
export function reaches(cpu: usize, stage: u32): bool {
  if (load<u32>(cpu, CPU_CHARGED) >= stage) return false;
  store<u32>(cpu, stage, CPU_CHARGED);
  return true;
}

/** True when an event precedes the CPU: enough for what no other CPU can see. */
export function mustWaitForEvent(cpu: usize): bool {
  return load<f64>(ORDER_NEXT_EVENT) <= timeOf(cpu);
}

/** The operation comes to a trap-like VM exit, which the host performs. */
export function exit(cpu: usize, reason: u32, qualification: u32): u32 {
  return exitAt(cpu, reason, qualification, 0);
}

/** The instruction at RIP, `length` bytes long, causes a VM exit, which the host performs. */
export function exitAt(cpu: usize, reason: u32, qualification: u32, length: u32): u32 {
  store<u32>(cpu, reason, CPU_EXIT_REASON);
  store<u32>(cpu, qualification, CPU_EXIT_QUALIFICATION);
  store<u32>(cpu, length, CPU_EXIT_LENGTH);
  return EXITS;
}

/** Tells those who trace this CPU. */
export function report(cpu: usize, event: u32, first: u32, second: u32 = 0): void {
  if (load<u32>(cpu, CPU_TRACED) != 0) reportEvent(idOf(cpu), event, first, second);
}
