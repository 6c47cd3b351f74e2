import { Command, Option } from 'commander';
import type { Runner } from './command.js';
import { COMMANDS } from './commands.js';
import { toolVersion } from './package-file.js';

/** The command line. Only the named commands get their arguments and options: that is what takes time to load. */
export async function createProgram(defined: readonly string[], run: Runner): Promise<Command> {
  const program = new Command('ipiv-bench')
    .description('Benchmarks inter-processor interrupts on an emulated VMX/APIC machine that counts every cycle.')
    .version(toolVersion(), '-V, --version', 'print the version')
    .addOption(new Option('--color <when>', 'colour in tables').choices(['auto', 'always', 'never']).default('auto'))
    .showHelpAfterError('(see --help)')
    .addHelpText('after', '\nExample:\n  $ ipiv-bench run scenarios/ipiv-v1.json')
    .commandsGroup('Reference:')
    .helpCommand('help [command]', 'what a command takes')
    .exitOverride();
  for (const [name, { summary, group, load }] of Object.entries(COMMANDS)) {
    const command = program
      .command(name)
      .description(summary)
      .helpGroup(group)
      .showHelpAfterError(`(see ipiv-bench ${name} --help)`);
    if (defined.includes(name)) (await load()).define(command, run);
  }
  return program;
}

/** The command line with every command defined, to be described: nothing runs. */
export function wholeProgram(): Promise<Command> {
  return createProgram(Object.keys(COMMANDS), () => Promise.resolve());
}
