import { basename } from 'node:path';
import { loadInterpreter } from '../machine/interpreter.js';
import { renderPage } from '../report/html/page.js';
import type { ReportedResult } from '../report/html/reported-result.js';
import { compareResults } from '../result/compare/compare.js';
import type { NamedResult } from '../result/compare/align.js';
import type { Comparison } from '../result/compare/comparison.js';
import { writeOutput } from '../result/output-file.js';
import type { Checked } from '../scenario/problem.js';
import { example, type CommandModule } from './command.js';
import { complain, print, tell } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { explainAgain } from './explain-again.js';
import { wholeNumber } from './numbers.js';
import { ProgressLine } from './progress.js';
import { loadResults, namedResults } from './result-files.js';

interface Options {
  readonly html: string;
  readonly timeLines: number;
}

/** More time lines than these nobody reads. */
const MOST_TIME_LINES = 100;
const DEFAULT_TIME_LINES = 20;

/** `ipiv-bench report RESULT...` */
export const reportCommand: CommandModule = {
  define(command, run) {
    command
      .argument('<result...>', 'saved results, of `run` or `import`')
      .requiredOption('--html <file>', 'the page to write: one file that needs nothing else; - is stdout')
      .option(
        '--time-lines <n>',
        'explain at most this many cases of each result: their scenario runs once more',
        wholeNumber(0, MOST_TIME_LINES),
        DEFAULT_TIME_LINES,
      )
      .action((files: string[], options: Options) => run(() => execute(files, options)));
    example(
      command,
      'ipiv-bench report results/measured/ipiv-v1.json results/baselines/ipiv-v1.json --html report.html',
    );
  },
};

async function execute(files: readonly string[], { html, timeLines }: Options): Promise<ExitCode> {
  const loaded = loadResults(files);
  if (!loaded.ok) return loaded.code;
  const results = namedResults(files, loaded.results);
  const reported = results.map((each, index) => explained(each, files[index], timeLines));
  const compared = comparisonOf(results);
  if (!compared.ok) return complain(compared.problems);
  const page = await renderPage(reported, compared.value);
  const problem = html === '-' ? await print(page) : writeOutput(html, page);
  if (problem !== null) return complain([problem]);
  if (html !== '-') tell(`wrote ${html}`);
  return EXIT.DONE;
}

function explained(named: NamedResult, file: string, timeLines: number): ReportedResult {
  const line = new ProgressLine(`${named.name}: time lines`);
  const explanations = explainAgain(named, timeLines, loadInterpreter, (progress) => line.show(progress));
  line.clear();
  return { ...named, ...explanations, file: basename(file) };
}

/** The averages of several results side by side; a single one has nothing beside it. */
function comparisonOf(results: readonly NamedResult[]): Checked<Comparison | null> {
  if (results.length < 2) return { ok: true, value: null };
  return compareResults(results, { reference: 0, metrics: ['average'], exits: false, steps: false, ignored: [] });
}
