import { loadInterpreter } from '../machine/interpreter.js';
import { Tracing, type TracingOptions } from '../machine/tracing.js';
import { observeUnit } from '../run/observe-unit.js';
import { planScenario, unitOf, type Plan, type Unit } from '../run/plan.js';
import type { Case } from '../scenario/expand.js';
import { parseOverride, type Override } from '../scenario/overrides.js';
import { bad, good, type Checked } from '../scenario/problem.js';
import type { TraceFormatName } from '../trace/format.js';
import { example, type CommandModule } from './command.js';
import { complain, tell } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { collect } from './numbers.js';
import type { Output } from './output-option.js';
import { namedScenario } from './scenario-file.js';
import { addTraceOptions, imageTracing, programTracing, selectedEvents, type TraceOptions } from './trace-options.js';
import { outputProblem, parseTraceOutput, writeTrace } from './trace-outputs.js';

interface Options extends TraceOptions {
  readonly case?: string;
  readonly iterations?: string;
  readonly profile?: string;
  readonly set?: readonly string[];
  readonly output?: readonly string[];
}

/** `ipiv-bench trace SCENARIO` */
export const traceCommand: CommandModule = {
  define(command, run) {
    command
      .argument('<scenario>', 'scenario file, or name of a shipped one; one case is run once, without noise')
      .optionsGroup('What to run:')
      .option('--case <settings>', 'which case, where there are several: settings such as apicMode=x2apic,ipiv=on')
      .option('--iterations <n>', 'timed iterations')
      .option('--profile <p>', 'cost profile: a built-in name or a file')
      .option('--set <key=value>', 'set any key of the scenario; repeatable', collect);
    addTraceOptions(command);
    command
      .optionsGroup('Where it goes:')
      .option(
        '-o, --output <format[=file]>',
        'ftrace, perf-stat, chrome, perfetto or trace-dat, on stdout or to a file; repeatable (default: ftrace)',
        collect,
      )
      .action((scenario: string, options: Options) => run(() => execute(scenario, options)));
    example(command, 'ipiv-bench trace x2apic --case ipiv=on --iterations 4 -o perfetto=ipi.pftrace');
  },
};

interface Prepared {
  readonly unit: Unit;
  readonly title: string;
  readonly tracing: TracingOptions;
  readonly outputs: readonly Output<TraceFormatName>[];
}

async function execute(scenario: string, options: Options): Promise<ExitCode> {
  const prepared = prepare(scenario, options);
  if (!prepared.ok) return complain(prepared.problems);
  const { unit, title, tracing, outputs } = prepared.value;
  const watching = new Tracing(tracing);
  const failure = observeUnit(loadInterpreter(), unit, watching);
  const recording = watching.recording(title, unit.options.host.tscGHz);
  const problems = await writeTrace(recording, outputs, options.clock);
  if (problems.length > 0) return complain(problems);
  if (failure === null) return EXIT.DONE;
  tell(`error: the guest failed after ${failure.cycles} cycles: ${failure.message}`);
  for (const line of failure.details) tell(`  ${line}`);
  return EXIT.GUEST_FAILED;
}

/** What is wrong with the options is said before the scenario is asked for its case. */
function prepare(scenario: string, options: Options): Checked<Prepared> {
  const events = selectedEvents(options);
  if (!events.ok) return events;
  const outputs = parseOutputs(options.output ?? ['ftrace'], events.value);
  if (!outputs.ok) return outputs;
  const planned = plan(scenario, options);
  if (!planned.ok) return planned;
  const chosen = chosenCase(planned.value.cases, options.case);
  if (!chosen.ok) return chosen;
  const unit = unitOf(planned.value, chosen.value, 0);
  const { vcpus } = unit.options;
  const tracing =
    'image' in unit ? imageTracing(options, events.value, vcpus) : programTracing(options, events.value, vcpus);
  if (!tracing.ok) return tracing;
  const title = `${planned.value.scenario.name}: ${chosen.value.id}`;
  return good({ unit, title, tracing: tracing.value, outputs: outputs.value });
}

function plan(scenario: string, { iterations, profile, set = [] }: Options): Checked<Plan> {
  const overrides: Override[] = [{ key: 'noise', value: 'off', source: 'trace' }];
  if (iterations !== undefined) overrides.push({ key: 'iterations', value: iterations, source: '--iterations' });
  if (profile !== undefined) overrides.push({ key: 'profile', value: profile, source: `--profile ${profile}` });
  for (const text of set) {
    const parsed = parseOverride(text);
    if (!parsed.ok) return parsed;
    overrides.push(parsed.value);
  }
  const loaded = namedScenario(scenario, overrides);
  return loaded.ok ? planScenario(loaded.value) : loaded;
}

/** The only case, or the only one whose id has all the settings that `wanted` names. */
function chosenCase(cases: readonly Case[], wanted = ''): Checked<Case> {
  const settings = wanted.split(/[\s,]+/).filter((setting) => setting !== '');
  const matching = cases.filter(({ id }) => settings.every((setting) => id.split(' ').includes(setting)));
  if (matching.length === 1) return good(matching[0]);
  const [message, list] =
    matching.length === 0
      ? ['no case has these settings', cases]
      : [`${matching.length} cases${wanted === '' ? '' : ' have these settings'}`, matching];
  const source = wanted === '' ? '--case' : `--case ${wanted}`;
  const hint = `name settings that only one of these has:\n${list.map(({ id }) => `  ${id}`).join('\n')}`;
  return bad({ at: { source }, message, hint });
}

function parseOutputs(texts: readonly string[], events: TracingOptions['events']): Checked<Prepared['outputs']> {
  const outputs: Output<TraceFormatName>[] = [];
  for (const text of texts) {
    const parsed = parseTraceOutput('--output', text);
    if (!parsed.ok) return parsed;
    outputs.push(parsed.value);
  }
  const problem = outputProblem('--output', outputs, events);
  return problem === null ? good(outputs) : bad(problem);
}
