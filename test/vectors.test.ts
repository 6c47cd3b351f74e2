import { describe, expect, it } from 'vitest';
import { decodeVectors, encodeVectors } from './support/vector-file.js';
import { differencesIn, VECTOR_FILES, vectorBytes } from './support/vector-files.js';
import { VectorReplay } from './support/vector-replay.js';

describe('the interpreter does what a processor did', () => {
  it.each(VECTOR_FILES)('%s', (file) => {
    expect(differencesIn(file, { translateAfter: 0 })).toEqual([]);
  });
});

describe('files of vectors', () => {
  it('name the processor that recorded them', () => {
    for (const file of VECTOR_FILES) expect(decodeVectors(vectorBytes(file)).processor).not.toBe('unknown');
  });

  it('survive being written and read', () => {
    const file = decodeVectors(vectorBytes('branch.bin'));
    expect(decodeVectors(encodeVectors(file))).toEqual(file);
  });

  it('show a wrong flag, register, byte and exception', () => {
    const replay = new VectorReplay();
    const [vector] = decodeVectors(vectorBytes('arithmetic.bin')).vectors;
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
    const sizes = VECTOR_FILES.map((file) => vectorBytes(file).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(2 ** 20);
  });
});
