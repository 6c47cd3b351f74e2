import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeVectors, encodeVectors } from './support/vector-file.js';
import { describeCode, VectorReplay } from './support/vector-replay.js';

const DIRECTORY = new URL('./vectors/', import.meta.url);
const FILES = readdirSync(DIRECTORY).filter((name) => name.endsWith('.bin'));
const SHOWN = 20;

function load(file: string): ReturnType<typeof decodeVectors> {
  return decodeVectors(readFileSync(new URL(file, DIRECTORY)));
}

describe('the interpreter does what a processor did', () => {
  it.each(FILES)('%s', (file) => {
    const replay = new VectorReplay();
    const wrong: string[] = [];
    for (const vector of load(file).vectors) {
      const differences = replay.differences(vector);
      if (differences.length > 0) wrong.push(`${describeCode(vector.code)}: ${differences.join(', ')}`);
    }
    expect(wrong.slice(0, SHOWN)).toEqual([]);
  });
});

describe('files of vectors', () => {
  it('name the processor that recorded them', () => {
    for (const file of FILES) expect(load(file).processor).not.toBe('unknown');
  });

  it('survive being written and read', () => {
    for (const file of FILES) expect(decodeVectors(encodeVectors(load(file)))).toEqual(load(file));
  });

  it('take less than a megabyte', () => {
    const sizes = FILES.map((file) => readFileSync(new URL(file, DIRECTORY)).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(2 ** 20);
  });
});
