import { builtInProfiles } from '../../cost/profile.js';
import { METRICS } from '../../result/metric.js';
import { SETTABLE_KEYS } from '../../scenario/schema.js';
import type { ArgumentNode, OptionNode } from '../command-tree.js';
import { shippedScenarios } from '../scenario-file.js';

/** What may stand in one place of a command line. */
export interface Candidates {
  readonly words: readonly string[];
  readonly paths: 'files' | 'folders' | 'none';
  /** Words go on behind an equals sign: no blank follows them. */
  readonly open: boolean;
}

const NOTHING: Candidates = { words: [], paths: 'none', open: false };

/** By what the help calls a value. */
const BY_NAME: Readonly<Record<string, (() => Partial<Candidates>) | undefined>> = {
  scenario: () => ({ words: shippedScenarios(), paths: 'files' }),
  profile: () => ({ words: builtInProfiles(), paths: 'files' }),
  p: () => ({ words: builtInProfiles(), paths: 'files' }),
  dir: () => ({ paths: 'folders' }),
  'key=value': () => ({ words: SETTABLE_KEYS.map((key) => `${key}=`), open: true }),
  'name=limit': () => ({ words: metrics().map((name) => `${name}=`), open: true }),
  'name=amount': () => ({ words: metrics().map((name) => `${name}=`), open: true }),
  key: () => ({ words: SETTABLE_KEYS }),
};

/** Values of these names are files. */
const FILES = ['file', '[format=]file', 'format[=file]', 'result', 'baseline', 'current', 'log', 'table', 'image'];

/** Candidates for a positional argument. */
export function argumentCandidates({ name, choices }: ArgumentNode): Candidates {
  return candidates(name, choices);
}

/** Candidates for the value of an option. */
export function optionCandidates({ value, choices, names }: OptionNode): Candidates {
  if (value === 'name' && names.includes('--metric')) return { ...NOTHING, words: metrics() };
  return candidates(value ?? '', choices);
}

function candidates(name: string, choices: readonly string[]): Candidates {
  if (choices.length > 0) return { ...NOTHING, words: choices };
  if (FILES.includes(name)) return { ...NOTHING, paths: 'files' };
  return { ...NOTHING, ...BY_NAME[name]?.() };
}

function metrics(): string[] {
  return Object.keys(METRICS);
}
