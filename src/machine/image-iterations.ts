/**
 * How often an image has repeated what it measures. It does not print that, so it is told from a rule and held against
 * the time that has passed.
 */
import { DOUBLING_GOAL, DOUBLING_START } from '../guest/programs/measurement.js';
import type { GuestOptions } from './image-options.js';

/** By how much the time may differ from iterations alone: passes that warm up, printing. */
const TOLERANCE = 0.02;

/**
 * Iterations of all passes before a result of `average` cycles (an integer part), in `cycles` since the line above; null
 * when the rule cannot account for that time.
 */
export function iterationsOf(rule: GuestOptions['iterations'], average: number, cycles: number): number | null {
  const least = average * (1 - TOLERANCE);
  const most = (average + 1) * (1 + TOLERANCE);
  const counts = rule === 'kvm-unit-tests' ? doublingCounts(average) : [rule];
  return counts.find((count) => count * least <= cycles && cycles <= count * most) ?? null;
}

/**
 * All passes of kvm-unit-tests' vmexit: 64, 128, ... N. The first pass that is long enough by the average is the last;
 * where the average is a power of two, it may be the one after it.
 */
function doublingCounts(average: number): number[] {
  let last = 2 * DOUBLING_START;
  while (last * (average + 1) <= DOUBLING_GOAL) last *= 2;
  return [last, 2 * last].map((passes) => 2 * passes - 2 * DOUBLING_START);
}
