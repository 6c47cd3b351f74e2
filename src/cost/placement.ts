/**
 * What varies between runs of the same binary on the same machine: which two cores of the mesh the vCPUs sit on, and
 * how fast the uncore happens to be clocked. Both stretch or shorten line transfers and interrupt messages; nothing
 * else. The draw is a table look-up in integers; its size is the profile's `noise` (one standard deviation).
 */
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { CostProfile } from './profile.js';
import type { PlacementDraw } from './cost-table.js';

/** Tiles of the mesh: columns and rows. */
const MESH = 8;
/** Uncore clock, in steps as wide as one hop is long; all equally likely. */
const UNCORE_STEPS = [-3, -2, -1, 0, 1, 2, 3] as const;

/** Hops between two different tiles, every ordered pair once. */
const HOPS = hopTable();
const OUTCOMES = HOPS.flatMap((hops) => UNCORE_STEPS.map((step) => hops + step));
const MEAN = OUTCOMES.reduce((sum, outcome) => sum + outcome, 0) / OUTCOMES.length;
const DEVIATION = Math.sqrt(OUTCOMES.reduce((sum, outcome) => sum + (outcome - MEAN) ** 2, 0) / OUTCOMES.length);

function hopTable(): number[] {
  const hops: number[] = [];
  for (let a = 0; a < MESH * MESH; a++) {
    for (let b = 0; b < MESH * MESH; b++) {
      if (a !== b) hops.push(Math.abs((a % MESH) - (b % MESH)) + Math.abs(Math.floor(a / MESH) - Math.floor(b / MESH)));
    }
  }
  return hops;
}

/** Seed of one run: all cases of a scenario share the draws of a run index. */
export function runSeed(scenarioSeed: number, run: number): number {
  let mixed = (Math.imul(scenarioSeed, 0x9e37_79b1) + Math.imul(run + 1, 0x85eb_ca6b)) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb_352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846c_a68b);
  return (mixed ^ (mixed >>> 16)) | 0;
}

/** Mean 0, standard deviation 1: how far this run's placement is from the average one. */
export function standardDraw(seed: number): number {
  const random = xoroshiro128plus(seed);
  const hops = HOPS[uniformInt(random, 0, HOPS.length - 1)];
  const step = UNCORE_STEPS[uniformInt(random, 0, UNCORE_STEPS.length - 1)] as number;
  return (hops + step - MEAN) / DEVIATION;
}

/** The draw of one run under a profile's noise. */
export function drawPlacement(profile: CostProfile, seed: number): PlacementDraw {
  const factor = 1 + profile.noise.value * standardDraw(seed);
  return { lineFactor: factor, flightFactor: factor };
}
