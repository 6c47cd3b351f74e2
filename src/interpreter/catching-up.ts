// A CPU that waits in the middle of its run, for others that are behind. What they have to execute until it is next may be
// plain instructions: then they do it there and then, and the run goes on.
import { ACTIVITY_ACTIVE } from '../hardware/cpu/activity';
import {
  CPU_ACTIVITY,
  CPU_ATTENTION,
  CPU_RETRY,
  CPU_SHADOW,
  CPU_STATE,
  ORDER_NEXT_EVENT,
  RETRY_NONE,
  RETRY_STOP,
  RUNNING,
  STOP_LIMIT,
  STOP_PARKED,
  WAITING,
} from '../hardware/cpu/layout';
import { beginTurn, execute, isHosts, mustWait, next, timeOf, waits } from './order';
import { park } from './parking';

/**
 * Lets those that precede this CPU catch up with it, in order, as long as plain instructions are enough. True: it is next, with
 * a new limit (ORDER_LIMIT).
 */
export function letOthersCatchUp(cpu: usize): bool {
  if ((load<u32>(cpu, CPU_ATTENTION) | load<u32>(cpu, CPU_SHADOW)) != 0 || isHosts(cpu)) return false;
  store<u32>(cpu, WAITING, CPU_STATE);
  let first = next();
  while (first != cpu && catchesUp(first)) first = next();
  beginTurn(cpu);
  return !mustWait(cpu);
}

/** A turn of this CPU, if it needs nothing but the instruction loop. False: there is more to do. */
function catchesUp(cpu: usize): bool {
  if (!isPlain(cpu) || load<f64>(ORDER_NEXT_EVENT) <= timeOf(cpu)) return false;
  beginTurn(cpu);
  const stop = execute(cpu, RETRY_NONE);
  if (stop == STOP_PARKED) park(cpu);
  else if (stop != STOP_LIMIT) {
    // Whatever it is, its own turn sees to it.
    waits(cpu, RETRY_STOP);
    return false;
  }
  return true;
}

/** It is in the middle of nothing and has nothing to look at: who waits in a run of its own is not. */
function isPlain(cpu: usize): bool {
  const more =
    load<u32>(cpu, CPU_RETRY) |
    load<u32>(cpu, CPU_ATTENTION) |
    load<u32>(cpu, CPU_SHADOW) |
    (load<u32>(cpu, CPU_ACTIVITY) ^ ACTIVITY_ACTIVE) |
    (load<u32>(cpu, CPU_STATE) ^ RUNNING);
  return more == RETRY_NONE && !isHosts(cpu);
}
