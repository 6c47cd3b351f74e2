import type { Command } from 'commander';
import { styleFor, usesColour, type Style } from '../report/style.js';

/** The style for stdout, from `--color`, the environment and the terminal. */
export function stdoutStyle(command: Command): Style {
  const { color: option } = command.optsWithGlobals<{ color?: 'always' | 'never' | 'auto' }>();
  const colour = usesColour({ option, environment: process.env, isTty: process.stdout.isTTY });
  return styleFor(colour, (process.stdout.isTTY && process.stdout.columns) || undefined);
}

/** Files never get colour. */
export const FILE_STYLE: Style = styleFor(false);
