/** The table of the LKML posting as data: which cases stand side by side, and what each row says. */
import { NOT_ARCHITECTURAL, sourceOf, type CaseRecord, type Role, type SavedResult } from '../result/saved-result.js';

/** One column: a case. */
export interface Column {
  readonly record: CaseRecord;
  /** `xAPIC`, `x2APIC` */
  readonly mode: string;
  /** `IPIv off`, `IPIv on` */
  readonly ipiv: string;
  /** The case that differs from this one only in having IPIv off. */
  readonly reference: CaseRecord | null;
}

/** Cases that differ only in APIC mode and IPIv. */
export interface TableLayout {
  readonly title: string;
  readonly columns: readonly Column[];
  /** The columns tell IPIv off from on. */
  readonly hasIpivAxis: boolean;
  /** What one iteration is called in headings. */
  readonly unit: string;
}

/** Tables of a result in the order of its cases; within one, the columns of an APIC mode stand together. */
export function layoutTables(result: SavedResult): TableLayout[] {
  const groups = new Map<string, CaseRecord[]>();
  for (const record of result.cases) {
    const key = commonPart(record);
    groups.set(key, [...(groups.get(key) ?? []), record]);
  }
  return [...groups].map(([key, records]) => layout(key, records));
}

function layout(key: string, records: readonly CaseRecord[]): TableLayout {
  const hasIpivAxis = new Set(records.map(ipivOf)).size > 1;
  const modes = [...new Set(records.map(modeOf))];
  const grouped = modes.flatMap((mode) => records.filter((record) => modeOf(record) === mode));
  const columns = grouped.map((record) => ({
    record,
    mode: modeOf(record),
    ipiv: ipivOf(record) ? 'IPIv on' : 'IPIv off',
    reference: ipivOf(record) ? (records.find((other) => isReference(other, record)) ?? null) : null,
  }));
  const common = hasIpivAxis ? key : `${key}, IPIv ${ipivOf(records[0]) ? 'on' : 'off'}`;
  const unit = String(records[0].settings['workload']).includes('ipi') ? 'IPI' : 'iteration';
  return { title: common, columns, hasIpivAxis, unit };
}

function isReference(other: CaseRecord, record: CaseRecord): boolean {
  return !ipivOf(other) && other.settings['apicMode'] === record.settings['apicMode'];
}

function modeOf({ settings }: CaseRecord): string {
  return settings['apicMode'] === 'xapic' ? 'xAPIC' : 'x2APIC';
}

function ipivOf({ settings }: CaseRecord): boolean {
  return settings['ipiv'] === true;
}

/** What a title is made from. */
type Titled = Pick<CaseRecord, 'id' | 'settings' | 'architectural'>;

/** What all cases of a table share, in words: `ipi, 2 vCPUs, AP halt policy spin, KVM v1`. */
export function commonPart({ id, settings, architectural }: Titled): string {
  const named = ['workload', 'apicMode', 'ipiv', 'apHaltPolicy', 'vcpus', 'kvm.version'];
  const special = id.split(' ').filter((token) => !named.includes(token.slice(0, token.indexOf('='))));
  const vcpus = `${String(settings['vcpus'])} vCPU${settings['vcpus'] === 1 ? '' : 's'}`;
  const caveat = architectural === false ? ` (${NOT_ARCHITECTURAL})` : '';
  const policy = `AP halt policy ${String(settings['apHaltPolicy'])}${caveat}`;
  return [settings['workload'], vcpus, policy, `KVM ${String(settings['kvm.version'])}`, ...special]
    .map(String)
    .join(', ');
}

/** `-22.21%`: how the mean changes from the case without IPIv; null without such a case. */
export function reduction({ record, reference }: Column): number | null {
  const before = reference?.summary.average?.mean;
  const after = record.summary.average?.mean;
  return before === undefined || after === undefined ? null : ((after - before) / before) * 100;
}

/** A signed percentage with two decimals. */
export function percentText(value: number): string {
  const text = `${value.toFixed(2)}%`;
  return value > 0 ? `+${text}` : text;
}

/** What a row of a table says; `reason` is one kind of exit among those of the row `exits` above it. */
type RowKind = 'run' | 'average' | 'reduction' | 'exits' | 'reason';

export interface TableRow {
  readonly kind: RowKind;
  readonly label: string;
  /** One per column; null where a column has no such figure. */
  readonly values: readonly (number | null)[];
}

/** A row per run, the averages, the reductions, and the exits; none where only `perf` has seen the cases. */
export function tableRows(layout: TableLayout): TableRow[] {
  const { columns, hasIpivAxis } = layout;
  const runs = runCount(layout);
  if (runs === 0 && columns.some(({ record }) => record.exitTables !== undefined)) return [];
  const row = (kind: RowKind, label: string, value: (column: Column) => number | null): TableRow => {
    return { kind, label, values: columns.map(value) };
  };
  return [
    ...Array.from({ length: runs }, (_, index) =>
      row('run', String(index + 1), (column) => sampleOf(column, index + 1)),
    ),
    row('average', 'Average cycles', ({ record }) => record.summary.average?.mean ?? null),
    ...(hasIpivAxis ? [row('reduction', '%Reduction', reduction)] : []),
    ...exitRows(layout),
  ];
}

/** The figure of a column in a row of this kind. */
export function valueText(kind: RowKind, value: number | null): string {
  if (value === null) return kind === 'reduction' ? '' : '-';
  if (kind === 'run') return String(value);
  return kind === 'reduction' ? percentText(value) : value.toFixed(2);
}

/** The least that is not printed as 0.00. */
export const SHOWN_EXITS = 0.005;

/**
 * Per CPU the total, then every reason that occurs in any column, those that would all be 0.00 in one row. None where
 * nobody counted exits.
 */
function exitRows({ columns, unit }: TableLayout): TableRow[] {
  if (columns.every(({ record }) => record.summary.exits === null)) return [];
  const total = (role: Role): number[] =>
    columns.map(({ record }) => perIteration(record, Object.values(record.activity[role].exits)));
  const rows: TableRow[] = [];
  for (const role of ['sender', 'target'] as const) {
    rows.push({ kind: 'exits', label: `Exits per ${unit}, ${role}`, values: total(role) });
    const reasons = new Set(columns.flatMap(({ record }) => Object.keys(record.activity[role].exits)));
    const others = columns.map(() => 0);
    for (const reason of [...reasons].sort()) {
      const counts = columns.map(({ record }) => perIteration(record, [record.activity[role].exits[reason] ?? 0]));
      if (counts.some((count) => count >= SHOWN_EXITS)) rows.push({ kind: 'reason', label: reason, values: counts });
      else counts.forEach((count, column) => (others[column] += count));
    }
    if (others.some((count) => count > 0)) rows.push({ kind: 'reason', label: 'others', values: others });
  }
  return rows;
}

function perIteration({ iterations }: CaseRecord, counts: readonly number[]): number {
  return iterations === 0 ? 0 : counts.reduce((sum, count) => sum + count, 0) / iterations;
}

/** Where the figures come from: the machine, or profile, noise and seed. */
export function originText(result: SavedResult, { columns }: TableLayout): string {
  if (sourceOf(result) === 'hardware') return `measured on ${machineText(result)}`;
  const profiles = [...new Set(columns.map(({ record }) => record.profile.name))].join(', ');
  const origin = `profile ${profiles}, noise ${result.scenario.noise}, seed ${result.seed}`;
  return result.interrupted ? `${origin}; interrupted: averages are over finished runs only` : origin;
}

/** What is known of a real machine, in one line. */
export function machineText({ machine = {} }: SavedResult): string {
  const { name, cpu, kernel, note } = machine;
  const parts = [name, cpu, kernel === undefined ? undefined : `Linux ${kernel}`, note];
  return parts.filter((part) => part !== undefined).join(', ') || 'an unnamed machine';
}

/** A line per VM exit reason of the tables that `perf kvm stat` made of the layout's cases. */
export function exitTableRows({ columns }: TableLayout): string[][] {
  const tables = columns.flatMap(({ record }) => (record.exitTables ?? []).map((table) => ({ record, table })));
  return tables.flatMap(({ record, table: { scope, exits } }) => {
    const total = Object.values(exits).reduce((sum, { samples }) => sum + samples, 0);
    const where = `${String(record.settings['apicMode'])}, IPIv ${ipivOf(record) ? 'on' : 'off'}, ${scope}`;
    return Object.entries(exits)
      .sort(([, a], [, b]) => b.samples - a.samples)
      .map(([reason, { samples, meanUs, minimumUs, maximumUs }]) => [
        reason,
        String(samples),
        `${((samples / total) * 100).toFixed(2)}%`,
        ...[meanUs, minimumUs, maximumUs].map((us) => us.toFixed(2)),
        where,
      ]);
  });
}

/** Headings of `exitTableRows`. */
export const EXIT_TABLE_HEADINGS = ['VM exit', 'samples', 'share', 'mean us', 'min us', 'max us', 'measured in'];

/** The most runs that any column has. */
function runCount({ columns }: TableLayout): number {
  return columns.reduce((most, { record }) => Math.max(most, record.runs.at(-1)?.run ?? 0), 0);
}

/** The sample of one run (from 1) in a column, or null where it has none. */
function sampleOf({ record }: Column, run: number): number | null {
  return record.runs.find((each) => each.run === run)?.samples.average ?? null;
}
