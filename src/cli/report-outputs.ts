import type { Style } from '../report/style.js';
import { writeOutput } from '../result/output-file.js';
import { good, type Checked, type Problem } from '../scenario/problem.js';
import { print } from './console.js';
import { parseOutput, type Output } from './output-option.js';
import { FILE_STYLE } from './output-style.js';

/** Where a report goes. Stdout gets the first format, unless `--format` or `--output` say otherwise. */
export function reportOutputs<Name extends string>(
  format: Name | undefined,
  outputs: readonly string[],
  formats: readonly Name[],
): Checked<readonly Output<Name>[]> {
  const parsed: Output<Name>[] = [];
  for (const text of outputs) {
    const output = parseOutput(text, formats);
    if (!output.ok) return output;
    parsed.push(output.value);
  }
  const hasStdout = parsed.some(({ file }) => file === null);
  if (!hasStdout || format !== undefined) parsed.push({ format: format ?? formats[0], file: null });
  return good(parsed);
}

/** Writes a report everywhere it goes; problems do not keep it from the other places. */
export async function writeReports<Name extends string>(
  outputs: readonly Output<Name>[],
  render: (format: Name, style: Style) => Promise<string>,
  style: Style,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const { format, file } of outputs) {
    const text = await render(format, file === null ? style : FILE_STYLE);
    const problem = file === null ? await print(text) : writeOutput(file, text);
    if (problem !== null) problems.push(problem);
  }
  return problems;
}
