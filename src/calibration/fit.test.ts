import { describe, expect, it } from 'vitest';
import { loadProfile, type CostProfile } from '../cost/profile.js';
import { fit, FitError } from './fit.js';

const prior = loadProfile('prior');

/** A machine in which every free step counts as often as the paths of the four cases say. */
function linearMachine(profile: CostProfile): number[] {
  const cost = (group: string): number =>
    Object.entries(profile.steps)
      .filter(([, step]) => step.group === group)
      .reduce((sum, [name, step]) => sum + step.value * (name === 'apic-page-write' ? 2 : 1), 0);
  const common = cost('common');
  const mmio = cost('apic-page');
  const exit = cost('exit-to-notification');
  return [common + mmio + exit + cost('full-exit-path'), common + mmio, common + exit, common];
}

const TARGETS = [5000, 3800, 3300, 2700];
const options = { targets: TARGETS, heldOut: [], evaluate: linearMachine };

describe('fit', () => {
  it('reproduces the rows within a tick per free step', () => {
    const { averages } = fit(prior, options);
    averages.forEach((average, row) => {
      expect(Math.abs(average - TARGETS[row])).toBeLessThan(0.25);
    });
  });

  it('has rank 4 with four groups and four rows', () => {
    expect(fit(prior, options).rank).toBe(4);
  });

  it('splits a group as the prior says: shifts are proportional to the squared range', () => {
    const { profile } = fit(prior, options);
    const shift = (name: 'pi-processing' | 'idt-delivery'): number => {
      const { value, range = [0, 0] } = profile.steps[name];
      return (value - prior.steps[name].value) / (range[1] - range[0]) ** 2;
    };
    expect(shift('pi-processing')).toBeCloseTo(shift('idt-delivery'), 5);
  });

  it('leaves the contrast of a held-out row at the prior', () => {
    const { profile } = fit(prior, { ...options, heldOut: [0] });
    for (const name of ['exit-tail', 'exit-dispatch', 'apic-write-handler'] as const) {
      expect(profile.steps[name].value).toBe(prior.steps[name].value);
    }
  });

  it('refuses averages that would need costs far outside their ranges', () => {
    expect(() => fit(prior, { ...options, targets: [10, 9_999_999, 3300, 2700] })).toThrow(FitError);
    expect(() => fit(prior, { ...options, targets: [10, 10, 10, 10] })).toThrow(/would have to be -?\d+ cycles/);
  });

  it('leaves steps outside the free groups alone', () => {
    const { profile } = fit(prior, options);
    expect(profile.steps['vm-entry']).toEqual(prior.steps['vm-entry']);
  });
});
