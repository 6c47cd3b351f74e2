import { idTokens } from '../../result/compare/align.js';
import type { CaseRecord } from '../../result/saved-result.js';

type Settings = CaseRecord['settings'];
type Value = Settings[string];

/** Settings that a label names last: columns of the tables. */
const LAST = ['apicMode', 'ipiv'];

/** What tells the cases of a result apart, in words: `hlt, x2APIC, IPIv on`. */
export function caseLabels(cases: readonly Pick<CaseRecord, 'settings'>[]): string[] {
  const keys = varyingKeys(cases);
  if (keys.length === 0) return cases.map(({ settings }) => modeText(settings));
  return cases.map(({ settings }) => settingsText(settings, keys));
}

/** The same from the ids of cases. */
export function idLabels(ids: readonly string[]): string[] {
  return caseLabels(ids.map((id) => ({ settings: Object.fromEntries(idTokens(id).map(parsedToken)) })));
}

function parsedToken(token: string): [key: string, value: Value] {
  const equals = token.indexOf('=');
  const text = token.slice(equals + 1);
  return [token.slice(0, equals), text === 'on' || text === 'off' ? text === 'on' : text];
}

/** Settings by name, as a label shows them. */
export function settingsText(settings: Settings, keys: readonly string[]): string {
  return keys.map((key) => settingText(key, settings[key])).join(', ');
}

/** Keys that do not have the same value in all cases, in the order of the cases' tables. */
export function varyingKeys(cases: readonly Pick<CaseRecord, 'settings'>[]): string[] {
  const keys = new Set(cases.flatMap(({ settings }) => Object.keys(settings)));
  const varying = [...keys].filter((key) => cases.some(({ settings }) => settings[key] !== cases[0].settings[key]));
  return [...varying.filter((key) => !LAST.includes(key)), ...LAST.filter((key) => varying.includes(key))];
}

function modeText(settings: Settings): string {
  return settingsText(settings, LAST);
}

function settingText(key: string, value: Value): string {
  if (key === 'apicMode') return value === 'xapic' ? 'xAPIC' : 'x2APIC';
  if (key === 'ipiv') return value === true ? 'IPIv on' : 'IPIv off';
  if (key === 'vcpus') return `${String(value)} vCPUs`;
  if (key === 'apHaltPolicy' || key === 'workload') return String(value);
  if (key === 'kvm.version') return `KVM ${String(value)}`;
  return `${key} ${typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value ?? 'default')}`;
}
