import { Option, type Command } from 'commander';
import {
  COMPARISON_FORMAT_NAMES,
  COMPARISON_FORMATS,
  type ComparisonFormatName,
} from '../report/comparison/comparison-format.js';
import { separatingKeys, type NamedResult } from '../result/compare/align.js';
import { compareResults } from '../result/compare/compare.js';
import type { Comparison } from '../result/compare/comparison.js';
import { METRICS, metricNamed, type MetricName } from '../result/metric.js';
import { suggestion } from '../scenario/closest.js';
import { bad, good, type Checked, type Problem } from '../scenario/problem.js';
import { AXIS_KEYS } from '../scenario/schema.js';
import { example, type CommandModule } from './command.js';
import { complain } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { collect } from './numbers.js';
import { stdoutStyle } from './output-style.js';
import { reportOutputs, writeReports } from './report-outputs.js';
import { loadResults, namedResults } from './result-files.js';

interface Options {
  readonly reference?: string;
  readonly metric?: readonly string[];
  readonly exits?: boolean;
  readonly steps?: boolean;
  readonly ignore?: readonly string[];
  readonly format?: ComparisonFormatName;
  readonly output?: readonly string[];
}

/** `ipiv-bench compare A B [C...]` */
export const compareCommand: CommandModule = {
  define(command, run) {
    command
      .argument('<result...>', 'two or more saved results, of `run` or `import`')
      .optionsGroup('What to compare:')
      .option('--reference <result>', 'what the others are compared with (default: the first)')
      .option('--metric <name>', 'metric, see `ipiv-bench list metrics`; repeatable (default: average)', collect)
      .option('--exits', 'also exits per iteration by reason (default where an import has nothing but exits)')
      .option('--steps', 'also cycles per step, and how long each CPU was busy')
      .option('--ignore <key>', 'a setting that may differ within a row, such as kvm.version; repeatable', collect)
      .optionsGroup('Where the comparison goes:')
      .addOption(new Option('--format <format>', 'format on stdout (default: table)').choices(COMPARISON_FORMAT_NAMES))
      .option('-o, --output <[format=]file>', 'also write it to a file; - is stdout; repeatable', collect)
      .addHelpText('after', HELP)
      .action((files: string[], options: Options) => run(() => execute(files, options, command)));
    example(command, 'ipiv-bench compare results/measured/ipiv-v1.json results/baselines/ipiv-v1.json');
  },
};

const HELP = `
Emulated figures are exact and are compared exactly. Measured ones are compared by
their medians, with Mann-Whitney's p and n and a 95% interval; ~ stands where no
difference is shown. Between the two stands the error of the model.

Exit code: 0 compared, whatever differs; 3 nothing to compare.`;

async function execute(files: readonly string[], options: Options, command: Command): Promise<ExitCode> {
  const outputs = reportOutputs(options.format, options.output ?? [], COMPARISON_FORMAT_NAMES);
  const metrics = parseMetrics(options.metric ?? ['average']);
  const ignored = parseIgnored(options.ignore ?? []);
  const order = withReference(files, options.reference);
  for (const checked of [outputs, metrics, ignored, order]) if (!checked.ok) return complain(checked.problems);
  if (!outputs.ok || !metrics.ok || !ignored.ok || !order.ok) return EXIT.INPUT_ERROR;

  const loaded = loadResults(order.value.files);
  if (!loaded.ok) return loaded.code;
  const results = namedResults(order.value.files, loaded.results);
  const { reference } = order.value;
  const onlyExits = results.some(({ result }) => result.cases.some(({ exitTables }) => exitTables !== undefined));
  const compared = compareResults(results, {
    reference,
    metrics: metrics.value,
    exits: options.exits ?? onlyExits,
    steps: options.steps ?? false,
    ignored: ignored.value,
  });
  if (!compared.ok) return complain(compared.problems);
  const { tables } = compared.value;
  if (tables.length === 0) {
    complain([nothingToCompare(results, reference, compared.value, metrics.value)]);
    return EXIT.INCONCLUSIVE;
  }
  const problems = await writeReports(
    outputs.value,
    async (name, style) => (await COMPARISON_FORMATS[name].load()).render(compared.value, style),
    stdoutStyle(command),
  );
  return problems.length > 0 ? complain(problems) : EXIT.DONE;
}

/** The files to load, and which of them is the reference; one that is named by `--reference` alone comes first. */
function withReference(
  files: readonly string[],
  reference: string | undefined,
): Checked<{ readonly files: readonly string[]; readonly reference: number }> {
  const all = reference === undefined || files.includes(reference) ? files : [reference, ...files];
  if (all.length < 2) {
    const hint = 'name two or more: ipiv-bench compare A B';
    return bad({ at: { source: all[0] }, message: 'one result has nothing to be compared with', hint });
  }
  return good({ files: all, reference: reference === undefined ? 0 : all.indexOf(reference) });
}

function parseMetrics(names: readonly string[]): Checked<readonly MetricName[]> {
  const metrics: MetricName[] = [];
  for (const name of names) {
    const metric = metricNamed(name);
    if (metric === undefined) {
      const hint = suggestion(name, Object.keys(METRICS), 'known metrics');
      return bad({ at: { source: `--metric ${name}` }, message: `unknown metric "${name}"`, hint });
    }
    metrics.push(metric);
  }
  return good([...new Set(metrics)]);
}

function parseIgnored(keys: readonly string[]): Checked<readonly string[]> {
  const known: readonly string[] = AXIS_KEYS;
  const unknown = keys.find((key) => !known.includes(key));
  if (unknown === undefined) return good(keys);
  const at = { source: `--ignore ${unknown}` };
  return bad({ at, message: `unknown key "${unknown}"`, hint: suggestion(unknown, known, 'known keys') });
}

/** Why there is no row: no common case, or none that has the metric on both sides. */
function nothingToCompare(
  results: readonly NamedResult[],
  reference: number,
  { partnerless }: Comparison,
  metrics: readonly MetricName[],
): Problem {
  const at = { source: results.map(({ name }) => name).join(', ') };
  const cases = new Set(results.flatMap(({ result }) => result.cases.map(({ id }) => id)));
  if (partnerless.length > 0 && partnerless.length >= cases.size) {
    const keys = separatingKeys(results, reference);
    const hint = `what keeps them apart: ${keys.join(', ')}; --ignore ${keys.join(' --ignore ')} puts them side by side`;
    return { at, message: 'no case in common', hint: keys.length > 0 ? hint : 'compare results of one scenario' };
  }
  const names = metrics.join(', ');
  return { at, message: `no common case has ${names} on both sides`, hint: 'see --metric and --exits' };
}
