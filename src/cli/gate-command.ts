import { appendFileSync } from 'node:fs';
import type { Command } from 'commander';
import { gateText } from '../report/gate-text.js';
import { gate } from '../result/gate/gate.js';
import type { GateReport } from '../result/gate/gate-report.js';
import { rulesFor } from '../result/gate/limit.js';
import { writeOutput, writeProblem } from '../result/output-file.js';
import type { Problem } from '../scenario/problem.js';
import { example, type CommandModule } from './command.js';
import { complain, print } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { parseRules, type RuleOptions } from './gate-rules.js';
import { collect, fraction } from './numbers.js';
import { stdoutStyle } from './output-style.js';
import { loadResults } from './result-files.js';

interface Options extends RuleOptions {
  readonly junit?: string;
  readonly github?: boolean;
}

/** `ipiv-bench gate BASELINE CURRENT` */
export const gateCommand: CommandModule = {
  define(command, run) {
    command
      .argument('<baseline>', 'saved result to compare with')
      .argument('<current>', 'saved result to judge')
      .optionsGroup('Rules (default: the limits of the scenario, or else --exact; measured: no increase):')
      .option('--exact', 'nothing may change: averages, exits, CPU cycles, step totals')
      .option('--max-increase <share>', 'the average may grow by this much, such as 2%', fraction)
      .option('--metric <name=limit>', 'limit another metric: a share such as 2%, or a ceiling such as 4000', collect)
      .option('--floor <name=amount>', 'growth of up to this much passes, whatever share it is', collect)
      .optionsGroup('Reports:')
      .option('--junit <file>', 'also write a JUnit report')
      .option('--github', 'also print annotations for GitHub Actions, and add to its step summary')
      .addHelpText('after', HELP)
      .action((baseline: string, current: string, options: Options) =>
        run(() => execute(baseline, current, options, command)),
      );
    example(command, 'ipiv-bench gate results/baselines/ipiv-v1.json results/ipiv-v1.json --exact');
  },
};

const HELP = `
Emulated figures are exact and are judged exactly. Where both sides were measured, medians
are judged: one is over its limit if the whole 95% interval lies beyond it, or, where nothing
may grow, if Mann-Whitney's test shows an increase (p < 0.05).

Exit code: 0 passed, 1 failed, 3 inconclusive.`;

const VERDICT_CODES = { passed: EXIT.DONE, failed: EXIT.GATE_FAILED, inconclusive: EXIT.INCONCLUSIVE } as const;

async function execute(baseline: string, current: string, options: Options, command: Command): Promise<ExitCode> {
  const rules = parseRules(options);
  if (!rules.ok) return complain(rules.problems);
  const loaded = loadResults([baseline, current]);
  if (!loaded.ok) return loaded.code;
  const [before, after] = loaded.results;
  const report = gate(before, after, rulesFor(before, after, rules.value));
  return deliver(report, after.scenario.name, options, command);
}

/** A report that cannot be written does not keep the others from being written. */
async function deliver(report: GateReport, name: string, options: Options, command: Command): Promise<ExitCode> {
  const problems = [
    options.junit === undefined ? null : await writeJunit(options.junit, report, name),
    await print(gateText(report, stdoutStyle(command))),
    options.github === true ? await reportToGithub(report, name) : null,
  ].filter((problem) => problem !== null);
  return problems.length > 0 ? complain(problems) : VERDICT_CODES[report.verdict];
}

async function writeJunit(file: string, report: GateReport, name: string): Promise<Problem | null> {
  const { junit } = await import('../report/junit.js');
  return writeOutput(file, junit(report, name));
}

/** Actions reads annotations from stdout, and names the file of the step's summary in the environment. */
async function reportToGithub(report: GateReport, name: string): Promise<Problem | null> {
  const { githubAnnotations, githubSummary } = await import('../report/github.js');
  const problem = await print(githubAnnotations(report));
  const summary = process.env['GITHUB_STEP_SUMMARY'] ?? '';
  if (problem !== null || summary === '') return problem;
  try {
    appendFileSync(summary, githubSummary(report, name));
    return null;
  } catch (error) {
    return writeProblem(summary, error as NodeJS.ErrnoException);
  }
}
