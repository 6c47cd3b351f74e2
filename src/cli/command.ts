import type { Command } from 'commander';

/** One subcommand: adds its arguments, options and example, and says what to do. */
export interface CommandModule {
  define(command: Command, run: Runner): void;
}

/** Runs a command's work and takes its exit code: an ExitCode, or what a guest ended with. */
export type Runner = (work: () => Promise<number>) => Promise<void>;

/** An example at the end of a command's help. */
export function example(command: Command, ...lines: readonly string[]): void {
  command.addHelpText('after', `\nExample:\n${lines.map((line) => `  $ ${line}`).join('\n')}`);
}
