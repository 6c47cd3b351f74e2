import { EXIT, type ExitCode } from './exit-code.js';
import { tell } from './console.js';
import { toolVersion } from './package-file.js';

/** Says that this is a bug of ipiv-bench and what to report; the stack only with DEBUG. */
export function bugReport(error: unknown): ExitCode {
  const message = error instanceof Error ? error.message : String(error);
  tell(`error: this is a bug in ipiv-bench: ${message}`);
  tell(
    `please report it with: ipiv-bench ${toolVersion()}, node ${process.version}, ${process.platform} ${process.arch}`,
  );
  tell(`  command: ipiv-bench ${process.argv.slice(2).join(' ')}`);
  if ((process.env['DEBUG'] ?? '') === '') tell('  run it again with DEBUG=1 for a stack trace');
  else if (error instanceof Error) tell(error.stack ?? '');
  return EXIT.BUG;
}
