import type { CaseRecord, RunRecord, SavedResult } from '../result/saved-result.js';
import type { Format } from './format.js';
import { csvText, type Columns, type Value as Cell } from './separated-values.js';

/** RFC 4180, one row per (case, run). Columns never change their order; no cell is taken for a formula. */
export const csv: Format = { render: (result) => csvText(resultColumns, resultRows(result)) };

interface ResultRow {
  readonly result: SavedResult;
  readonly record: CaseRecord;
  readonly run: RunRecord;
}

/** Every run of every case. */
export function resultRows(result: SavedResult): ResultRow[] {
  return result.cases.flatMap((record) => record.runs.map((run) => ({ result, record, run })));
}

type Value = (run: RunRecord, record: CaseRecord, result: SavedResult) => Cell;

const setting =
  (key: string): Value =>
  (_, { settings }) =>
    settings[key] ?? null;

/** Name, with its unit, and where the value comes from. New columns go to the end. */
const COLUMNS: readonly (readonly [name: string, value: Value])[] = [
  ['scenario', (_run, _record, { scenario }) => scenario.name],
  ['case', (_, { id }) => id],
  ['workload', setting('workload')],
  ['apic_mode', setting('apicMode')],
  ['ipiv', setting('ipiv')],
  ['ap_halt_policy', setting('apHaltPolicy')],
  ['vcpus', setting('vcpus')],
  ['kvm_version', setting('kvm.version')],
  ['profile', (_, { profile }) => profile.name],
  ['run', ({ run }) => run],
  ['iterations', ({ iterations }) => (iterations === 0 ? null : iterations)],
  ['average_cycles', ({ samples }) => samples.average],
  ['inner_average_cycles', ({ samples }) => samples['inner-average']],
  ['exact_average_cycles', ({ outer }) => outer],
  ['exits_per_iteration', ({ samples }) => samples.exits],
  ['line_transfers_per_iteration', ({ samples }) => samples['line-transfers']],
  ['sender_busy_cycles_per_iteration', ({ samples }) => samples['sender-cycles']],
  ['target_busy_cycles_per_iteration', ({ samples }) => samples['target-cycles']],
  ['image', setting('guest.image')],
  ['image_digest', (_, { settings }, { images }) => images?.[String(settings['guest.image'])] ?? null],
  ['architectural', (_, { architectural }) => architectural ?? true],
];

/** The columns for a row of `resultRows`. */
export const resultColumns: Columns<ResultRow> = COLUMNS.map(([name, value]) => [
  name,
  ({ result, record, run }) => value(run, record, result),
]);
