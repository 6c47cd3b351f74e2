import { sourceOf, type CaseRecord, type SavedResult } from '../result/saved-result.js';
import { measuredColumn, MEASURED_CASES, MeasuredTableError, type MeasuredTable } from './measured-table.js';

/** A column of a table, and the case of the saved result that it comes from. */
export interface MeasuredResult {
  readonly table: MeasuredTable;
  /** One per column. */
  readonly cases: readonly CaseRecord[];
}

/** The IPI cases of an imported result as a table; the message of an error names the case. */
export function measuredTableOf(result: SavedResult, origin: string): MeasuredResult {
  if (sourceOf(result) !== 'hardware') {
    throw new MeasuredTableError(origin, 'an emulated result: a profile is fitted to measured cycles');
  }
  const cases = result.cases.filter(({ settings, runs }) => settings['workload'] === 'ipi' && runs.length > 0);
  if (cases.length === 0) throw new MeasuredTableError(origin, 'no case with cycles of workload ipi');
  const names = cases.map(columnName);
  const columns = cases.map((record, index) => {
    const { id, runs } = record;
    const name = names[index];
    if (names.indexOf(name) !== index) {
      throw new MeasuredTableError(origin, `two cases are ${name}: ${cases[names.indexOf(name)].id} and ${id}`);
    }
    if (runs.length < 2) throw new MeasuredTableError(origin, `one run of ${id}: at least two are needed`);
    return measuredColumn(
      name,
      runs.map(({ outer }) => outer),
    );
  });
  return { table: { columns }, cases };
}

function columnName({ settings }: CaseRecord): string {
  const name = `${String(settings['apicMode'])}_${settings['ipiv'] === true ? 'on' : 'off'}`;
  if (!(name in MEASURED_CASES)) throw new MeasuredTableError(name, 'is no case that can be fitted');
  return name;
}
