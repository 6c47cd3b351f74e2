/**
 * Plain JavaScript that never changes: its speed says how fast the machine is at this moment, so that the other
 * figures can be compared as ratios between machines.
 */
const WORDS = new Uint32Array(1024);

/** Dependent steps of one call. */
export const YARDSTICK_STEPS = 1 << 18;

/** One fixed piece of integer work. */
export function yardstick(): number {
  let state = 0x9e37_79b9;
  for (let step = 0; step < YARDSTICK_STEPS; step++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    WORDS[state & 1023] = (WORDS[(state >>> 10) & 1023] + state) >>> 0;
  }
  return state;
}
