import { describe, expect, it } from 'vitest';
import { profileHash } from './profile-hash.js';
import { profileSchema } from './profile-schema.js';
import { builtInProfiles, contradictions, loadProfile, type CostProfile } from './profile.js';
import { INSTRUCTION_CLASSES, STEP_NAMES } from './step.js';

const base = loadProfile('ipiv-v1');

describe.each(builtInProfiles())('built-in profile %s', (name) => {
  const profile = loadProfile(name);

  it('is what the schema makes of it, in the same order', () => {
    expect(JSON.stringify(profileSchema.parse(profile))).toBe(JSON.stringify(profile));
  });

  it('has a value for every step and every instruction class', () => {
    expect(STEP_NAMES.filter((step) => !(step in profile.steps))).toEqual([]);
    expect(INSTRUCTION_CLASSES.filter((each) => !(each in profile.classes))).toEqual([]);
  });

  it('does not contradict itself', () => {
    expect(contradictions(profile)).toEqual([]);
  });

  it('is named like its file', () => {
    expect(profile.name).toBe(name);
  });

  it('gives every free step a range that holds its suggested value', () => {
    for (const step of STEP_NAMES) {
      const { group, range, suggested, value } = profile.steps[step];
      if (group === undefined) continue;
      expect(Object.keys(profile.groups), step).toContain(group);
      const [lowest, highest] = range ?? [NaN, NaN];
      expect(lowest, step).toBeLessThan(highest);
      expect(suggested ?? value, step).toBeGreaterThanOrEqual(lowest);
      expect(suggested ?? value, step).toBeLessThanOrEqual(highest);
    }
  });

  it('keeps every value inside its range', () => {
    for (const step of STEP_NAMES) {
      const { range, value } = profile.steps[step];
      const [lowest, highest] = range ?? [0, Infinity];
      expect(value >= lowest && value <= highest, step).toBe(true);
    }
  });

  it('calls a value published only where it stands in no free group', () => {
    for (const step of STEP_NAMES) {
      const { group, source } = profile.steps[step];
      if (group !== undefined) expect(source, step).not.toBe('published');
    }
  });

  it('says for every value where it comes from', () => {
    for (const step of STEP_NAMES) expect(profile.steps[step].note, step).not.toBe('');
  });
});

describe('a fitted profile', () => {
  it('differs from its prior in free steps and noise only', () => {
    const prior = loadProfile('prior');
    const free = STEP_NAMES.filter((step) => prior.steps[step].group !== undefined);
    for (const step of STEP_NAMES.filter((each) => !free.includes(each))) {
      expect(base.steps[step], step).toEqual(prior.steps[step]);
    }
    for (const step of free) {
      expect(base.steps[step], step).toMatchObject({ source: 'fitted', suggested: prior.steps[step].value });
    }
    expect(base.classes).toEqual(prior.classes);
    expect(base.distance).toEqual(prior.distance);
    expect(base.noise.source).toBe('fitted');
  });
});

describe('the hash of a profile', () => {
  const changed = (change: Partial<CostProfile>): string => profileHash({ ...base, ...change });
  const withStep = (change: Partial<CostProfile['steps']['pause']>): string =>
    changed({ steps: { ...base.steps, pause: { ...base.steps.pause, ...change } } });

  it('ignores names, descriptions, notes, sources and ranges', () => {
    expect(changed({ name: 'other', description: 'other' })).toBe(profileHash(base));
    expect(withStep({ note: 'other', source: 'published', range: [0, 1] })).toBe(profileHash(base));
  });

  it('ignores the order of the steps', () => {
    const steps = Object.fromEntries(Object.entries(base.steps).reverse()) as CostProfile['steps'];
    expect(changed({ steps })).toBe(profileHash(base));
  });

  it('depends on every value', () => {
    const { line } = base.distance;
    const hashes = [
      profileHash(base),
      withStep({ value: base.steps.pause.value + 1 }),
      withStep({ unit: 'ns' }),
      changed({ classes: { ...base.classes, alu: { ...base.classes.alu, ticks: 17 } } }),
      changed({ noise: { ...base.noise, value: 0 } }),
      changed({ lineOccupancy: { ...base.lineOccupancy, value: 21 } }),
      changed({ distance: { ...base.distance, line: { ...line, remote: 3 } } }),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});
