import { writeProblem } from '../result/output-file.js';
import { problemText, type Problem } from '../scenario/problem.js';
import { EXIT, type ExitCode } from './exit-code.js';

/** Writes requested data to stdout. A reader that has seen enough (`| head`) is no error; anything else is a problem. */
export function print(text: string): Promise<Problem | null> {
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => {
      const { code } = (error ?? {}) as NodeJS.ErrnoException;
      resolve(!error || code === 'EPIPE' ? null : writeProblem('standard output', error));
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
