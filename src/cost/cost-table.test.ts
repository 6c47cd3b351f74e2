import { describe, expect, it } from 'vitest';
import { costTable } from './cost-table.js';
import { loadProfile } from './profile.js';
import { INSTRUCTION_CLASSES, STEP, STEP_NAMES, TICKS_PER_CYCLE } from './step.js';

const profile = loadProfile('ipiv-v1');
const { stepTicks, classTicks } = costTable(profile, 2);

describe('cost table', () => {
  it('holds whole ticks for every step and class', () => {
    expect(stepTicks).toHaveLength(STEP_NAMES.length);
    expect(stepTicks.every(Number.isInteger)).toBe(true);
    expect(classTicks).toHaveLength(INSTRUCTION_CLASSES.length);
  });

  it('loses nothing: values in cycles are whole ticks in the profile already', () => {
    STEP_NAMES.forEach((name, step) => {
      const { unit, value } = profile.steps[name];
      if (unit !== 'ns') expect(stepTicks[step] / TICKS_PER_CYCLE, name).toBe(value);
    });
  });

  it('converts nanoseconds with the frequency of the TSC', () => {
    expect(profile.steps['hlt-wake']).toMatchObject({ value: 1000, unit: 'ns' });
    expect(stepTicks[STEP.HLT_WAKE]).toBe(2000 * TICKS_PER_CYCLE);
    expect(costTable(profile, 2.4).stepTicks[STEP.HLT_WAKE]).toBe(2400 * TICKS_PER_CYCLE);
  });

  it('stretches what crosses the mesh by the draw of the run, and nothing else', () => {
    const drawn = costTable(profile, 2, { lineFactor: 1.5, flightFactor: 0.5 }).stepTicks;
    STEP_NAMES.forEach((name, step) => {
      const factor = name === 'line-transfer' ? 1.5 : name === 'ipi-flight' ? 0.5 : 1;
      expect(drawn[step], name).toBe(Math.round(stepTicks[step] * factor));
    });
  });
});
