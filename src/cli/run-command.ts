import { Option, type Command } from 'commander';
import { FORMAT_NAMES, type FormatName } from '../report/format.js';
import { planScenario, type Plan } from '../run/plan.js';
import { parseOverride, type Override } from '../scenario/overrides.js';
import { bad, good, type Checked, type Problem } from '../scenario/problem.js';
import { example, type CommandModule } from './command.js';
import { complain } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { interruptSignal } from './interrupt.js';
import { collect, MOST_JOBS, wholeNumber } from './numbers.js';
import { parseOutput, type Output } from './output-option.js';
import { stdoutStyle } from './output-style.js';
import { runPlans, type RunSettings, type StopSignals } from './run-plans.js';
import { namedScenario, scenarioFile } from './scenario-file.js';

interface Options {
  readonly runs?: string;
  readonly iterations?: string;
  readonly seed?: string;
  readonly profile?: string;
  readonly set?: readonly string[];
  readonly jobs: number;
  readonly watch?: boolean;
  readonly plot?: boolean;
  readonly format?: FormatName;
  readonly output?: readonly string[];
  readonly saveDir: string;
  readonly save: boolean;
}

/** `ipiv-bench run SCENARIO...` */
export const runCommand: CommandModule = {
  define(command, run) {
    command
      .argument('<scenario...>', 'scenario files, or names of shipped ones')
      .optionsGroup('What to run:')
      .option('--runs <n>', 'runs of each case (default: the scenario says)')
      .option('--iterations <n>', 'timed iterations, or kvm-unit-tests for its doubling rule')
      .option('--seed <s>', 'seed of the random placements')
      .option('--profile <p>', 'cost profile: a built-in name or a file')
      .option('--set <key=value>', 'set any key of the scenario; repeatable', collect)
      .optionsGroup('How to run it:')
      .option('--jobs <n>', 'worker threads; results do not depend on it', wholeNumber(1, MOST_JOBS), 1)
      .option('--watch', 'run again whenever a scenario file is saved, until Ctrl-C')
      .optionsGroup('Where results go:')
      .addOption(new Option('--format <format>', 'format on stdout (default: table)').choices(FORMAT_NAMES))
      .option('--plot', 'also print a small distribution per case under the table')
      .option('-o, --output <[format=]file>', 'also write a report; - is stdout; repeatable', collect)
      .option('--save-dir <dir>', 'folder of saved results', 'results')
      .option('--no-save', 'do not save the result')
      .action((scenarios: string[], options: Options) => run(() => execute(scenarios, options, command)));
    example(command, 'ipiv-bench run scenarios/ipiv-v1.json --set noise=off --runs 1 -o csv=ipiv.csv');
  },
};

async function execute(scenarios: readonly string[], options: Options, command: Command): Promise<ExitCode> {
  const interrupt = interruptSignal();
  if (options.watch !== true) return runOnce(scenarios, options, command, { interrupt });
  const { watchFiles } = await import('./watch.js');
  const work = (superseded: AbortSignal) => runOnce(scenarios, options, command, { interrupt, superseded });
  return watchFiles(scenarios.map(scenarioFile), work, interrupt);
}

async function runOnce(
  scenarios: readonly string[],
  options: Options,
  command: Command,
  signals: StopSignals,
): Promise<ExitCode> {
  const outputs = parseOutputs(options, scenarios.length);
  const plans = plan(scenarios, options);
  const problems = [...(outputs.ok ? [] : outputs.problems), ...(plans.ok ? [] : plans.problems)];
  if (!outputs.ok || !plans.ok) return complain(problems);
  const settings: RunSettings = {
    jobs: options.jobs,
    outputs: outputs.value,
    saveDir: options.save ? options.saveDir : null,
    style: stdoutStyle(command),
  };
  return plans.value.length === 0 ? EXIT.DONE : runPlans(plans.value, settings, signals);
}

/** All scenarios are checked before any of them runs. */
function plan(scenarios: readonly string[], options: Options): Checked<readonly Plan[]> {
  const overrides = parseOverrides(options);
  if (!overrides.ok) return overrides;
  const plans: Plan[] = [];
  const problems: Problem[] = [];
  for (const name of scenarios) {
    const loaded = namedScenario(name, overrides.value);
    const planned = loaded.ok ? planScenario(loaded.value) : loaded;
    if (planned.ok) plans.push(planned.value);
    else problems.push(...planned.problems);
  }
  return problems.length > 0 ? bad(...problems) : good(plans);
}

function parseOverrides(options: Options): Checked<readonly Override[]> {
  const overrides: Override[] = [];
  for (const key of ['runs', 'iterations', 'seed', 'profile'] as const) {
    const value = options[key];
    if (value !== undefined) overrides.push({ key, value, source: `--${key} ${value}` });
  }
  for (const text of options.set ?? []) {
    const parsed = parseOverride(text);
    if (!parsed.ok) return parsed;
    overrides.push(parsed.value);
  }
  return good(overrides);
}

/** Stdout gets the table unless the user wants something else there. */
function parseOutputs(options: Options, scenarios: number): Checked<readonly Output[]> {
  const outputs: Output[] = [];
  for (const text of options.output ?? []) {
    const parsed = parseOutput(text, FORMAT_NAMES);
    if (!parsed.ok) return parsed;
    if (parsed.value.file !== null && scenarios > 1) {
      const hint = 'run one scenario at a time, or write to - (stdout)';
      return bad({ at: { source: `--output ${text}` }, message: `one file for ${scenarios} scenarios`, hint });
    }
    outputs.push(parsed.value);
  }
  const toStdout = outputs.some(({ file }) => file === null);
  if (!toStdout || options.format !== undefined) outputs.push({ format: options.format ?? 'table', file: null });
  return options.plot === true ? withPlot(outputs) : good(outputs);
}

/** A plot stands under the table: other formats are for machines, which it would confuse. */
function withPlot(outputs: readonly Output[]): Checked<readonly Output[]> {
  const other = outputs.find(({ format, file }) => file === null && format !== 'table');
  if (other === undefined) return good([...outputs, { format: 'plot', file: null }]);
  const hint = 'leave one of them out, or write the other one to a file with --output';
  return bad({ at: { source: '--plot' }, message: `${other.format} goes to stdout already`, hint });
}
