import { Option, type Command } from 'commander';
import { loadInterpreter } from '../machine/interpreter.js';
import { GuestFailure } from '../machine/machine-result.js';
import { explainText } from '../report/explain-text.js';
import {
  EXPLANATION_KIND,
  EXPLANATION_SCHEMA_VERSION,
  ipivPairs,
  type CaseExplanation,
  type Explanation,
} from '../result/explanation.js';
import { explainCase } from '../run/explain-case.js';
import { planScenario, unitOf, type Plan } from '../run/plan.js';
import { parseOverride, type Override } from '../scenario/overrides.js';
import { good, type Checked } from '../scenario/problem.js';
import { example, type CommandModule } from './command.js';
import { complain, print, tell } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { collect } from './numbers.js';
import { stdoutStyle } from './output-style.js';
import { toolVersion } from './package-file.js';
import { namedScenario } from './scenario-file.js';

interface Options {
  readonly profile?: string;
  readonly set?: readonly string[];
  readonly format: 'table' | 'json';
}

/** `ipiv-bench explain SCENARIO` */
export const explainCommand: CommandModule = {
  define(command, run) {
    command
      .argument('<scenario>', 'scenario file, or name of a shipped one; each case is run once, without noise')
      .option('--profile <p>', 'cost profile: a built-in name or a file')
      .option('--set <key=value>', 'set any key of the scenario; repeatable', collect)
      .addOption(new Option('--format <format>', 'format on stdout').choices(['table', 'json']).default('table'))
      .action((scenario: string, options: Options) => run(() => execute(scenario, options, command)));
    example(command, 'ipiv-bench explain scenarios/ipiv-v1.json --set apicMode=x2apic');
  },
};

async function execute(scenario: string, options: Options, command: Command): Promise<ExitCode> {
  const planned = plan(scenario, options);
  if (!planned.ok) return complain(planned.problems);
  try {
    const explanation = explain(planned.value);
    const json = options.format === 'json';
    const text = json ? `${JSON.stringify(explanation, null, 2)}\n` : explainText(explanation, stdoutStyle(command));
    const problem = await print(text);
    return problem === null ? EXIT.DONE : complain([problem]);
  } catch (error) {
    if (!(error instanceof GuestFailure)) throw error;
    tell(`error: the guest failed after ${error.cycles} cycles: ${error.message}`);
    for (const line of error.details) tell(`  ${line}`);
    return EXIT.GUEST_FAILED;
  }
}

function plan(scenario: string, { profile, set = [] }: Options): Checked<Plan> {
  const overrides: Override[] = [];
  if (profile !== undefined) overrides.push({ key: 'profile', value: profile, source: `--profile ${profile}` });
  for (const text of set) {
    const parsed = parseOverride(text);
    if (!parsed.ok) return parsed;
    overrides.push(parsed.value);
  }
  const loaded = namedScenario(scenario, overrides);
  if (!loaded.ok) return loaded;
  const planned = planScenario(loaded.value);
  if (!planned.ok) return planned;
  return good({ ...planned.value, scenario: { ...planned.value.scenario, noise: 'off' } });
}

function explain(plan: Plan): Explanation {
  const interpreter = loadInterpreter();
  const cases = plan.cases.map((each): CaseExplanation => {
    const profile = plan.profiles.get(each.profile);
    if (profile === undefined) throw new Error(`profile ${each.profile} was not loaded`);
    return explainCase(interpreter, unitOf(plan, each, 0), each, profile);
  });
  return {
    kind: EXPLANATION_KIND,
    schemaVersion: EXPLANATION_SCHEMA_VERSION,
    toolVersion: toolVersion(),
    scenario: plan.scenario.name,
    cases,
    pairs: ipivPairs(cases),
  };
}
