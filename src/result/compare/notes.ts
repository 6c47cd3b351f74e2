import { NOT_ARCHITECTURAL, type SavedResult } from '../saved-result.js';
import { isMeasured, type NamedResult } from './align.js';
import { FEWEST_FOR_INTERVAL, FEWEST_FOR_TEST } from './change.js';
import type { Change, ComparedTable } from './comparison.js';

/** What a reader must know to read the tables, and what differs between the results besides their figures. */
export function notesOn(results: readonly NamedResult[], tables: readonly ComparedTable[]): string[] {
  const changes = tables.flatMap(({ rows }) =>
    rows.flatMap(({ cells }) => cells.flatMap((cell) => (cell?.change ? [cell.change] : []))),
  );
  return [
    ...kindNotes(changes),
    ...placementNote(results, changes),
    ...sampleNotes(changes),
    ...perfNote(results),
    ...differences(results),
    ...defects(results),
  ];
}

/** Why there is no test in a comparison with emulated figures. */
export const NO_TEST =
  'no p-values or intervals where a side is emulated: its figures are exact, and seeded noise is not sampling';

function kindNotes(changes: readonly Change[]): string[] {
  const has = (kind: Change['kind']): boolean => changes.some((change) => change.kind === kind);
  const notes: string[] = [];
  if (has('exact') || has('model error')) {
    notes.push(NO_TEST);
  }
  if (has('model error')) notes.push('model error: emulated against measured, mean against mean, measured = 100%');
  if (has('measured')) {
    notes.push('measured against measured: medians, Mann-Whitney U (two-sided) and n, 95% interval of the change');
    notes.push('~: no difference is shown (p >= 0.05)');
  }
  if (changes.some((change) => change.kind === 'measured' && change.test === 'normal')) {
    notes.push('time per exit: means with the errors that perf prints, normal test');
  }
  if (has('counted')) notes.push('counted: measured on both sides without errors, so nothing is tested');
  return notes;
}

function placementNote(results: readonly NamedResult[], changes: readonly Change[]): string[] {
  const placed = results.filter((each) => !isMeasured(each) && each.result.scenario.noise === 'placement');
  if (placed.length === 0 || !changes.some(({ kind }) => kind === 'model error')) return [];
  return ['the model error holds the mean of the seeded placements; runs with --set noise=off are free of it'];
}

function perfNote(results: readonly NamedResult[]): string[] {
  const has = results.some(({ result }) => result.cases.some(({ exitTables }) => exitTables !== undefined));
  return has ? ['perf counts exits as long as it records, the boot of the guest included if that was recorded'] : [];
}

function sampleNotes(changes: readonly Change[]): string[] {
  const measured = changes.filter((change) => change.kind === 'measured');
  const fewest = measured.reduce((least, { n }) => Math.min(least, ...n), Infinity);
  if (fewest < FEWEST_FOR_TEST) {
    return [
      `at least ${FEWEST_FOR_TEST} samples on each side are needed to show a difference; some rows have ${fewest}`,
    ];
  }
  if (fewest >= FEWEST_FOR_INTERVAL) return [];
  return [`at least ${FEWEST_FOR_INTERVAL} samples on each side are needed for an interval; some rows have ${fewest}`];
}

/** Among emulated results only: measured ones have no profile, seed or noise. */
function differences(results: readonly NamedResult[]): string[] {
  const emulated = results.filter((each) => !isMeasured(each));
  const notes: string[] = [];
  const compare = (what: string, value: (result: SavedResult) => string): void => {
    const values = emulated.map(({ name, result }) => ({ name, text: value(result) }));
    if (new Set(values.map(({ text }) => text)).size < 2) return;
    notes.push(`${what} differs: ${values.map(({ name, text }) => `${text} in ${name}`).join(', ')}`);
  };
  compare('version', ({ toolVersion }) => toolVersion);
  compare('profile', ({ cases }) =>
    distinct(cases.map(({ profile }) => `${profile.name} (${profile.hash.slice(0, 12)})`)),
  );
  compare('seed', ({ seed }) => String(seed));
  compare('noise', ({ scenario }) => scenario.noise);
  compare('image', ({ images = {} }) => distinct(Object.entries(images).map((image) => image.join(' '))) || 'none');
  compare('iterations', ({ cases }) =>
    distinct(cases.map(({ settings }) => String(settings['iterations'] ?? settings['guest.iterations']))),
  );
  return notes;
}

function defects(results: readonly NamedResult[]): string[] {
  return results.flatMap(({ name, result: { interrupted, cases } }) => {
    const failed = cases.reduce((sum, { failures }) => sum + failures.length, 0);
    const notes = interrupted ? [`${name} was interrupted: some runs are missing`] : [];
    if (cases.some(({ architectural }) => architectural === false)) notes.push(`${name}: ${NOT_ARCHITECTURAL}`);
    return failed === 0 ? notes : [...notes, `${name} has ${failed} failed run${failed === 1 ? '' : 's'}`];
  });
}

function distinct(texts: readonly string[]): string {
  return [...new Set(texts)].join(', ');
}
