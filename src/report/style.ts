import { Chalk } from 'chalk';

/** Colours, or none of them: all reports go through one of these. */
export interface Style {
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly better: (text: string) => string;
  readonly worse: (text: string) => string;
  /** Columns, for what fits itself to them. */
  readonly width: number;
}

const DEFAULT_WIDTH = 80;

/** What decides about colour. */
export interface ColourInputs {
  /** `--color`: the user's word beats everything. */
  readonly option: 'always' | 'never' | 'auto' | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly isTty: boolean;
}

/** Whether to use colour: `--color`, then NO_COLOR, then FORCE_COLOR, then whether a terminal reads it. */
export function usesColour({ option, environment, isTty }: ColourInputs): boolean {
  if (option === 'always' || option === 'never') return option === 'always';
  if ((environment['NO_COLOR'] ?? '') !== '') return false;
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTty && environment['TERM'] !== 'dumb';
}

/** The style for a decision made by `usesColour`. */
export function styleFor(colour: boolean, width = DEFAULT_WIDTH): Style {
  const chalk = new Chalk({ level: colour ? 1 : 0 });
  return {
    strong: (text) => chalk.bold(text),
    faint: (text) => chalk.dim(text),
    better: (text) => chalk.green(text),
    worse: (text) => chalk.red(text),
    width,
  };
}
