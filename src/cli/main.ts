import { CommanderError } from 'commander';
import { bugReport } from './bug.js';
import { COMMANDS } from './commands.js';
import { survivePipes } from './console.js';
import { EXIT } from './exit-code.js';
import { createProgram } from './program.js';

survivePipes();
main(process.argv).catch((error: unknown) => {
  process.exitCode = error instanceof CommanderError ? usageCode(error) : bugReport(error);
});

async function main(argv: readonly string[]): Promise<void> {
  const wanted = argv.slice(2).find((argument) => argument in COMMANDS);
  const program = await createProgram(definedFor(wanted), async (work) => {
    process.exitCode = await work();
  });
  await program.parseAsync(argv);
}

/** Commands to load. */
function definedFor(wanted: string | undefined): readonly string[] {
  if (wanted === undefined) return [];
  return COMMANDS[wanted].describesAll === true ? Object.keys(COMMANDS) : [wanted];
}

/** Help and version are no errors; whatever else commander objects to is. */
function usageCode({ exitCode }: CommanderError): number {
  return exitCode === 0 ? EXIT.DONE : EXIT.INPUT_ERROR;
}
