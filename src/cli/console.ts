import { writeProblem } from '../result/output-file.js';
import { problemText, type Problem } from '../scenario/problem.js';
import { EXIT, type ExitCode } from './exit-code.js';

/** Writes requested data to stdout. A reader that has seen enough (`| head`) is no error; anything else is a problem. */
export async function print(text: string): Promise<Problem | null> {
  return printPieces([text]);
}

/** The same piece by piece; nothing more is made once the reader has gone. */
export async function printPieces(pieces: Iterable<string | Uint8Array>): Promise<Problem | null> {
  for (const piece of pieces) {
    const error = await writeToStdout(piece);
    if (error !== null) return error.code === 'EPIPE' ? null : writeProblem('standard output', error);
  }
  return null;
}

function writeToStdout(data: string | Uint8Array): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    process.stdout.write(data, (error) => {
      resolve(error ?? null);
    });
  });
}

/** Says something to the user on stderr. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Prints problems, one line each, and gives the exit code for them. */
export function complain(problems: readonly Problem[]): ExitCode {
  for (const problem of problems) tell(`error: ${problemText(problem)}`);
  return EXIT.INPUT_ERROR;
}

/** A write error arrives at the callback of `write` as well; without a listener it would end the process. */
export function survivePipes(): void {
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
}
