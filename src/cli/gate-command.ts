import type { Command } from 'commander';
import { gateText } from '../report/gate-text.js';
import { gate, type GateRules, type Limit, type MetricLimit } from '../result/gate/gate.js';
import { loadResult } from '../result/load-result.js';
import { METRICS, metricNamed } from '../result/metric.js';
import type { SavedResult } from '../result/saved-result.js';
import { writeOutput } from '../result/output-file.js';
import { suggestion } from '../scenario/closest.js';
import { bad, good, type Checked, type Problem } from '../scenario/problem.js';
import { example, type CommandModule } from './command.js';
import { complain, print } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { collect, fraction } from './numbers.js';
import { stdoutStyle } from './output-style.js';

interface Options {
  readonly exact?: boolean;
  readonly maxIncrease?: number;
  readonly metric?: readonly string[];
  readonly junit?: string;
  readonly github?: boolean;
}

/** `ipiv-bench gate BASELINE CURRENT` */
export const gateCommand: CommandModule = {
  define(command, run) {
    command
      .argument('<baseline>', 'saved result to compare with')
      .argument('<current>', 'saved result to judge')
      .optionsGroup('Rules (default: --exact):')
      .option('--exact', 'nothing may change: averages, exits, CPU cycles, step totals')
      .option('--max-increase <share>', 'the average may grow by this much, such as 2%', fraction)
      .option('--metric <name=limit>', 'limit another metric: a share such as 2%, or a ceiling such as 4000', collect)
      .optionsGroup('Reports:')
      .option('--junit <file>', 'also write a JUnit report')
      .option('--github', 'also print annotations for GitHub Actions')
      .addHelpText('after', '\nExit code: 0 passed, 1 failed, 3 inconclusive.')
      .action((baseline: string, current: string, options: Options) =>
        run(() => execute(baseline, current, options, command)),
      );
    example(command, 'ipiv-bench gate results/baselines/ipiv-v1.json results/ipiv-v1.json --exact');
  },
};

const VERDICT_CODES = { passed: EXIT.DONE, failed: EXIT.GATE_FAILED, inconclusive: EXIT.INCONCLUSIVE } as const;

async function execute(baseline: string, current: string, options: Options, command: Command): Promise<ExitCode> {
  const rules = parseRules(options);
  if (!rules.ok) return complain(rules.problems);
  const before = loadResult(baseline);
  const after = loadResult(current);
  if (before.status !== 'loaded' || after.status !== 'loaded') {
    const unloaded = [before, after].filter((each) => each.status !== 'loaded');
    complain(unloaded.map(({ problem }) => problem));
    return unloaded.some(({ status }) => status === 'unusable') ? EXIT.INPUT_ERROR : EXIT.INCONCLUSIVE;
  }
  return judge(before.result, after.result, rules.value, options, command);
}

async function judge(
  before: SavedResult,
  after: SavedResult,
  rules: GateRules,
  options: Options,
  command: Command,
): Promise<ExitCode> {
  const report = gate(before, after, rules);
  const problems: Problem[] = [];
  if (options.junit !== undefined) {
    const { junit } = await import('../report/junit.js');
    const problem = writeOutput(options.junit, junit(report, after.scenario.name));
    if (problem !== null) problems.push(problem);
  }
  const problem = await print(gateText(report, stdoutStyle(command)));
  if (problem !== null) problems.push(problem);
  if (options.github === true) {
    const { githubAnnotations } = await import('../report/github.js');
    await print(githubAnnotations(report));
  }
  return problems.length > 0 ? complain(problems) : VERDICT_CODES[report.verdict];
}

function parseRules({ exact, maxIncrease, metric = [] }: Options): Checked<GateRules> {
  if (exact === true && (maxIncrease !== undefined || metric.length > 0)) {
    const message = 'does not go with --max-increase or --metric';
    return bad({ at: { source: '--exact' }, message, hint: 'exact allows no change of anything' });
  }
  const limits: MetricLimit[] = [];
  if (maxIncrease !== undefined) limits.push({ metric: 'average', limit: { kind: 'increase', fraction: maxIncrease } });
  for (const text of metric) {
    const parsed = parseMetricLimit(text);
    if (!parsed.ok) return parsed;
    limits.push(parsed.value);
  }
  return good({ exact: limits.length === 0, limits });
}

function parseMetricLimit(text: string): Checked<MetricLimit> {
  const at = { source: `--metric ${text}` };
  const equals = text.lastIndexOf('=');
  const name = text.slice(0, Math.max(equals, 0));
  const metric = metricNamed(name);
  if (metric === undefined) {
    const names = Object.keys(METRICS);
    const message = equals < 0 ? 'no "="' : name === '' ? 'no metric' : `unknown metric "${name}"`;
    const usage = equals < 0 ? 'write NAME=LIMIT; ' : '';
    return bad({ at, message, hint: `${usage}${suggestion(name, names, 'known metrics')}` });
  }
  const limit = parseLimit(text.slice(equals + 1));
  const hint = 'write a share such as 2%, or a ceiling such as 4000';
  return limit === null ? bad({ at, message: 'no limit', hint }) : good({ metric, limit });
}

function parseLimit(text: string): Limit | null {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
  if (match === null) return null;
  const value = Number(match[1]);
  return match[2] === '%' ? { kind: 'increase', fraction: value / 100 } : { kind: 'ceiling', value };
}
