import { describe, expect, it } from 'vitest';
import { differencesIn, INTEGER_FILES } from './support/vector-files.js';

describe('translated integer instructions do what a processor did', () => {
  it.each(INTEGER_FILES)('%s', (file) => {
    expect(differencesIn(file, { translateAfter: 1 })).toEqual([]);
  });
});
