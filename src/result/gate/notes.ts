import { NO_TEST } from '../compare/notes.js';
import { NOT_ARCHITECTURAL, sourceOf, type SavedResult } from '../saved-result.js';
import { scenarioLimits, type GateRules } from './limit.js';

/** What differs between the two results besides their figures, and how these were compared. */
export function gateNotes(baseline: SavedResult, current: SavedResult, rules: GateRules): string[] {
  return [
    ...statisticsNotes(baseline, current, rules),
    ...differences(baseline, current),
    ...defects(baseline, current),
  ];
}

function statisticsNotes(baseline: SavedResult, current: SavedResult, { exact, limits }: GateRules): string[] {
  if (exact || limits.length === 0) return [];
  const measured = [baseline, current].filter((result) => sourceOf(result) === 'hardware').length;
  if (measured < 2) return [NO_TEST];
  return [
    'medians, Mann-Whitney U (two-sided) and n, 95% interval of the change; ~: no difference is shown (p >= 0.05)',
  ];
}

function differences(baseline: SavedResult, current: SavedResult): string[] {
  const result: string[] = [];
  const compare = (what: string, before: string, after: string): void => {
    if (before !== after) result.push(`${what}: ${before} in the baseline, ${after} now`);
  };
  const sources = [baseline, current].map(sourceOf);
  compare('source', sources[0], sources[1]);
  compare('version', baseline.toolVersion, current.toolVersion);
  if (!sources.includes('hardware')) {
    compare('profile', profiles(baseline), profiles(current));
    compare('seed', String(baseline.seed), String(current.seed));
    compare('noise', baseline.scenario.noise, current.scenario.noise);
    compare('image', images(baseline), images(current));
    compare('iterations', settings(baseline, 'iterations'), settings(current, 'iterations'));
  }
  const [was, is] = [baseline, current].map((each) => JSON.stringify(scenarioLimits(each)));
  if (was !== is) result.push('the limits in the two scenarios differ: those of the baseline hold where it has any');
  const known = new Set(baseline.cases.map(({ id }) => id));
  const added = current.cases.filter(({ id }) => !known.has(id));
  if (added.length === 1) result.push(`a case is not in the baseline: ${added[0].id}`);
  if (added.length > 1) result.push(`${added.length} cases are not in the baseline: ${added[0].id}, ...`);
  return result;
}

function defects(baseline: SavedResult, current: SavedResult): string[] {
  const of = ({ interrupted, cases }: SavedResult, which: string) => [
    ...(interrupted ? [`the ${which} was interrupted`] : []),
    ...(cases.some(({ architectural }) => architectural === false) ? [`the ${which}: ${NOT_ARCHITECTURAL}`] : []),
  ];
  return [...of(baseline, 'baseline'), ...of(current, 'current result')];
}

function profiles({ cases }: SavedResult): string {
  return [...new Set(cases.map(({ profile }) => `${profile.name} (${profile.hash.slice(0, 12)})`))].join(', ');
}

function images({ images: digests = {} }: SavedResult): string {
  return Object.entries(digests).flat().join(' ') || 'none';
}

function settings({ cases }: SavedResult, key: string): string {
  return [...new Set(cases.map((each) => String(each.settings[key] ?? each.settings[`guest.${key}`])))].join(', ');
}
