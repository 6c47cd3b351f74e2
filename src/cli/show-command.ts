import { Option, type Command } from 'commander';
import { FORMAT_NAMES, FORMATS, type FormatName } from '../report/format.js';
import { example, type CommandModule } from './command.js';
import { complain, tell } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { missingCycles } from './missing-cycles.js';
import { collect, MOST_JOBS, wholeNumber } from './numbers.js';
import { stdoutStyle } from './output-style.js';
import { reportOutputs, writeReports } from './report-outputs.js';
import { loadResults } from './result-files.js';

interface Options {
  readonly verify?: boolean;
  readonly jobs: number;
  readonly images: string;
  readonly format?: FormatName;
  readonly output?: readonly string[];
}

/** `ipiv-bench show RESULT` */
export const showCommand: CommandModule = {
  define(command, run) {
    command
      .argument('<result>', 'saved result, of `run` or `import`')
      .optionsGroup('Where it goes:')
      .addOption(new Option('--format <format>', 'format on stdout (default: table)').choices(FORMAT_NAMES))
      .option('-o, --output <[format=]file>', 'also write a report; - is stdout; repeatable', collect)
      .optionsGroup('Is it still so?')
      .option('--verify', 'run its scenario again instead, and compare the digests')
      .option('--jobs <n>', 'worker threads of --verify', wholeNumber(1, MOST_JOBS), 1)
      .option('--images <dir>', 'folder where paths of images begin', '.')
      .addHelpText('after', '\nExit code: 0 shown, or the same again; 1 something else came out.')
      .action((file: string, options: Options) => run(() => execute(file, options, command)));
    example(command, 'ipiv-bench show results/measured/ipiv-v1.json --format markdown');
  },
};

async function execute(file: string, options: Options, command: Command): Promise<ExitCode> {
  const outputs = reportOutputs(options.format, options.output ?? [], FORMAT_NAMES);
  if (!outputs.ok) return complain(outputs.problems);
  const loaded = loadResults([file]);
  if (!loaded.ok) return loaded.code;
  const [result] = loaded.results;
  if (options.verify === true) {
    const { verifyResult } = await import('./verify-result.js');
    return verifyResult(file, result, options, stdoutStyle(command));
  }
  if (result.interrupted) tell(`note: ${file} was interrupted: some runs are missing`);
  const problems = await writeReports(
    outputs.value,
    async (name, style) => (await FORMATS[name].load()).render(result, style),
    stdoutStyle(command),
  );
  const formats = outputs.value.map(({ format }) => format);
  const missing = missingCycles(file, result, formats);
  if (missing !== null) problems.push(missing);
  return problems.length > 0 ? complain(problems) : EXIT.DONE;
}
