import { readdirSync, readFileSync } from 'node:fs';
import type { SimulationOptions } from '../../src/machine/machine-options.js';
import { decodeVectors } from './vector-file.js';
import { describeCode, VectorReplay } from './vector-replay.js';

const DIRECTORY = new URL('../vectors/', import.meta.url);
const SHOWN = 20;

/** Names of the files of recorded instructions. */
export const VECTOR_FILES: readonly string[] = readdirSync(DIRECTORY).filter((name) => name.endsWith('.bin'));

/** Those of integer instructions: about half of the work, which two test files share. */
export const INTEGER_FILES: readonly string[] = ['arithmetic', 'bit', 'exchange', 'move', 'multiply', 'shift'].map(
  (name) => `${name}.bin`,
);

/** A file as it is. */
export function vectorBytes(file: string): Buffer {
  return readFileSync(new URL(file, DIRECTORY));
}

/** The first differences between what was recorded and what is emulated, one line per vector. */
export function differencesIn(file: string, simulation: SimulationOptions): string[] {
  const replay = new VectorReplay(simulation);
  const wrong: string[] = [];
  for (const vector of decodeVectors(vectorBytes(file)).vectors) {
    const differences = replay.differences(vector);
    if (differences.length > 0) wrong.push(`${describeCode(vector.code)}: ${differences.join(', ')}`);
  }
  return wrong.slice(0, SHOWN);
}
