import { describe, expect, it } from 'vitest';
import { STEP_NAMES } from '../../cost/step.js';
import { familyOf } from './step-family.js';

describe('families of steps', () => {
  it.each([...STEP_NAMES, 'guest-instructions', 'loop-phase', 'idle'])('have a place for %s', (step) => {
    expect(familyOf(step)).not.toBe('other');
  });

  it('do not guess where a step of another version belongs', () => {
    expect(familyOf('step-of-tomorrow')).toBe('other');
  });
});
