import { describe, expect, it } from 'vitest';
import { differencesIn, INTEGER_FILES, VECTOR_FILES } from './support/vector-files.js';

const OTHER_FILES = VECTOR_FILES.filter((file) => !INTEGER_FILES.includes(file));

describe('other translated instructions do what a processor did', () => {
  it.each(OTHER_FILES)('%s', (file) => {
    expect(differencesIn(file, { translateAfter: 1 })).toEqual([]);
  });
});
