import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SimulationOptions } from '../src/machine/machine-options.js';
import { decodeVectors, encodeVectors } from './support/vector-file.js';
import { describeCode, VectorReplay } from './support/vector-replay.js';

const DIRECTORY = new URL('./vectors/', import.meta.url);
const FILES = readdirSync(DIRECTORY).filter((name) => name.endsWith('.bin'));
const SHOWN = 20;

function load(file: string): ReturnType<typeof decodeVectors> {
  return decodeVectors(readFileSync(new URL(file, DIRECTORY)));
}

/** The first differences, one line per vector. */
function differencesIn(file: string, simulation: SimulationOptions): string[] {
  const replay = new VectorReplay(simulation);
  const wrong: string[] = [];
  for (const vector of load(file).vectors) {
    const differences = replay.differences(vector);
    if (differences.length > 0) wrong.push(`${describeCode(vector.code)}: ${differences.join(', ')}`);
  }
  return wrong.slice(0, SHOWN);
}

describe('the interpreter does what a processor did', () => {
  it.each(FILES)('%s', (file) => {
    expect(differencesIn(file, { translateAfter: 0 })).toEqual([]);
  });
});

describe('translated code does what a processor did', () => {
  it.each(FILES)('%s', (file) => {
    expect(differencesIn(file, { translateAfter: 1 })).toEqual([]);
  });
});

describe('files of vectors', () => {
  it('name the processor that recorded them', () => {
    for (const file of FILES) expect(load(file).processor).not.toBe('unknown');
  });

  it('survive being written and read', () => {
    const file = load('branch.bin');
    expect(decodeVectors(encodeVectors(file))).toEqual(file);
  });

  it('show a wrong flag, register, byte and exception', () => {
    const replay = new VectorReplay();
    const [vector] = load('arithmetic.bin').vectors;
    const [first] = vector.code;
    expect(replay.differences({ ...vector, flags: vector.flags ^ 1 })).toHaveLength(1);
    expect(replay.differences({ ...vector, registersAfter: [{ register: 15, value: 0x1234n }] })[0]).toMatch(
      /^register/,
    );
    expect(replay.differences({ ...vector, exception: 13 })).toContain('exception is ff, not d');
    expect(replay.differences({ ...vector, windowAfter: [{ offset: 3, bytes: Uint8Array.of(first) }] })[0]).toMatch(
      /^(byte|register)/,
    );
  });

  it('take less than a megabyte', () => {
    const sizes = FILES.map((file) => readFileSync(new URL(file, DIRECTORY)).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(2 ** 20);
  });
});
