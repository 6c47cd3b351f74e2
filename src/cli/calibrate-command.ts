import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { calibrate, type CalibrationOptions, type CalibrationReport } from '../calibration/calibrate.js';
import { FitError, usualEvaluations, type Evaluate } from '../calibration/fit.js';
import {
  MEASURED_CASES,
  MeasuredTableError,
  parseMeasuredTable,
  type MeasuredTable,
} from '../calibration/measured-table.js';
import { measuredTableOf } from '../calibration/measured-result.js';
import { profileSchema } from '../cost/profile-schema.js';
import { isProgramCase } from '../machine/image-options.js';
import { impossibilities } from '../machine/impossible.js';
import { loadInterpreter } from '../machine/interpreter.js';
import type { MachineOptions } from '../machine/machine-options.js';
import { parseResult } from '../result/load-result.js';
import { writeOutput } from '../result/output-file.js';
import { profileEvaluator } from '../run/evaluate-profile.js';
import { suggestion } from '../scenario/closest.js';
import { expandCases, type Settings } from '../scenario/expand.js';
import { parseScenario, unreadable, type LoadedScenario } from '../scenario/load.js';
import { bad, good, type Checked } from '../scenario/problem.js';
import { readProfile } from '../scenario/profile-file.js';
import { calibrationText } from './calibration-text.js';
import { example, type CommandModule } from './command.js';
import { complain, print, tell } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { collect } from './numbers.js';
import { stdoutStyle } from './output-style.js';
import { ProgressLine } from './progress.js';
import { namedScenario } from './scenario-file.js';

interface Options {
  readonly prior: string;
  readonly scenario?: string;
  readonly name?: string;
  readonly description?: string;
  readonly holdout?: readonly string[];
  readonly output?: string;
}

/** How a table was measured that does not say it: as the published one. */
const USUAL_SCENARIO = 'ipiv-v1';

/** `ipiv-bench calibrate TABLE` */
export const calibrateCommand: CommandModule = {
  define(command, run) {
    const columns = Object.keys(MEASURED_CASES).join(', ');
    command
      .argument('<table>', `measured cycles: an imported result, or CSV with a row per run and columns ${columns}`)
      .option('--prior <profile>', 'profile whose values and ranges the fit starts from', 'prior')
      .option('--scenario <scenario>', 'how the table was measured (default: an import says it, CSV is ipiv-v1)')
      .option('--holdout <column>', 'keep a column from the fit and show how well it is predicted; repeatable', collect)
      .option('--name <name>', 'name of the profile (default: the name of the table)')
      .option('--description <text>', 'description of the profile')
      .option('-o, --output <file>', 'write the fitted profile')
      .action((table: string, options: Options) => run(() => execute(table, options, command)));
    example(command, 'ipiv-bench calibrate results/measured/ipiv-v1.csv -o my-profile.json');
  },
};

async function execute(file: string, options: Options, command: Command): Promise<ExitCode> {
  const read = readTable(file);
  if (!read.ok) return complain(read.problems);
  const { table, settings } = read.value;
  const prior = readProfile(options.prior, { source: `--prior ${options.prior}` });
  if (!prior.ok) return complain(prior.problems);
  const holdout = checkHoldout(options.holdout ?? [], table);
  if (!holdout.ok) return complain(holdout.problems);
  const scenario = options.scenario ?? (settings === null ? USUAL_SCENARIO : null);
  const cases = scenario === null ? importedCases(file, settings ?? []) : measuredCases(table, scenario);
  if (!cases.ok) return complain(cases.problems);
  const conditions = conditionsOf(scenario === null ? file : `scenario ${scenario}`, cases.value);
  if (settings === null && options.scenario === undefined) tell(`assumed: ${conditions} (to change it: --scenario)`);

  const name = options.name ?? basename(file).replace(/\.(csv|json)$/, '');
  const line = new ProgressLine(`calibrate ${name}`);
  const report = fitted(file, table, conditions, {
    prior: prior.value,
    name,
    description: options.description ?? `Fitted to ${basename(file)} by \`ipiv-bench calibrate\`.`,
    holdout: holdout.value,
    evaluate: shown(profileEvaluator(loadInterpreter(), cases.value), usualEvaluations(prior.value) + 1, line),
  });
  line.clear();
  return report.ok ? deliver(report.value, options.output, command) : complain(report.problems);
}

/** What is believed of the machine that was measured, and by whom: `ipiv-v1.json says apHaltPolicy=hlt ...`. */
function conditionsOf(source: string, cases: readonly MachineOptions[]): string {
  const words = (text: (options: MachineOptions) => string): string => [...new Set(cases.map(text))].join('|');
  const policy = words(({ apHaltPolicy }) => apHaltPolicy);
  const vcpus = words((options) => String(options.vcpus));
  return `${source} says apHaltPolicy=${policy} vcpus=${vcpus} kvm.version=${words(({ kvm }) => kvm.version)}`;
}

/** Counts evaluations on a progress line; a fit may need more than usual. */
function shown(evaluate: Evaluate, usual: number, line: ProgressLine): Evaluate {
  let done = 0;
  return (profile, meshFactor) => {
    const averages = evaluate(profile, meshFactor);
    done++;
    line.show({ done, total: Math.max(usual, done), caseId: 'profiles tried' });
    return averages;
  };
}

function fitted(
  source: string,
  table: MeasuredTable,
  conditions: string,
  options: CalibrationOptions,
): Checked<CalibrationReport> {
  try {
    return good(calibrate(table, options));
  } catch (error) {
    if (!(error instanceof FitError)) throw error;
    const otherwise = `if it was measured otherwise, name another --scenario (of the published table: ${USUAL_SCENARIO})`;
    const hint = `check the table and its units; ${conditions}: ${otherwise}`;
    return bad({ at: { source }, message: error.message, hint });
  }
}

async function deliver(report: CalibrationReport, output: string | undefined, command: Command): Promise<ExitCode> {
  if (output !== undefined) {
    // In the schema's order: built-in profiles are loaded as they stand.
    const profile = profileSchema.parse(report.profile);
    const problem = writeOutput(output, `${JSON.stringify(profile, null, 2)}\n`);
    if (problem !== null) return complain([problem]);
    tell(`saved ${output}`);
  }
  const problem = await print(calibrationText(report, stdoutStyle(command)));
  return problem === null ? EXIT.DONE : complain([problem]);
}

/** A table, and the settings behind each column where it was imported. */
interface ReadTable {
  readonly table: MeasuredTable;
  readonly settings: readonly Settings[] | null;
}

function readTable(file: string): Checked<ReadTable> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return bad({ ...unreadable(file, error as NodeJS.ErrnoException), hint: 'name a CSV file of measured cycles' });
  }
  try {
    return /^\s*\{/.test(text)
      ? readResult(file, text)
      : good({ table: parseMeasuredTable(text, file), settings: null });
  } catch (error) {
    if (!(error instanceof MeasuredTableError)) throw error;
    const at = { source: file, ...(error.line === undefined ? {} : { line: error.line, column: 1 }) };
    return bad({ at, message: error.reason, hint: 'see `ipiv-bench calibrate --help`' });
  }
}

function readResult(file: string, text: string): Checked<ReadTable> {
  const loaded = parseResult(file, text);
  if (loaded.status !== 'loaded') return bad(loaded.problem);
  const { table, cases } = measuredTableOf(loaded.result, file);
  return good({ table, settings: cases.map(({ settings }) => settings) });
}

/** The cases that an imported result was measured in, one per column. */
function importedCases(file: string, columns: readonly Settings[]): Checked<readonly MachineOptions[]> {
  const found: MachineOptions[] = [];
  for (const settings of columns) {
    const overrides = Object.entries(settings)
      .filter(([key]) => key !== 'profile')
      .map(([key, value]) => ({ key, value: String(value), source: file }));
    const loaded = parseScenario(file, '{}', overrides);
    if (!loaded.ok) return loaded;
    const cases = programCases(loaded.value);
    if (!cases.ok) return cases;
    found.push(cases.value[0]);
  }
  return good(found);
}

function checkHoldout(holdout: readonly string[], { columns }: MeasuredTable): Checked<readonly string[]> {
  const names = columns.map(({ name }) => name);
  if (names.every((name) => holdout.includes(name))) {
    return bad({
      at: { source: '--holdout' },
      message: 'keeps every column from the fit',
      hint: 'leave one to fit to',
    });
  }
  const unknown = holdout.find((each) => !names.includes(each));
  if (unknown === undefined) return good(holdout);
  const at = { source: `--holdout ${unknown}` };
  return bad({ at, message: 'no such column in the table', hint: suggestion(unknown, names, 'columns') });
}

/** The cases of a scenario without an image: a fit runs them again and again. */
function programCases(loaded: LoadedScenario): Checked<readonly MachineOptions[]> {
  const cases = expandCases(loaded, impossibilities);
  if (!cases.ok) return cases;
  const programs = cases.value.map(({ options }) => options).filter(isProgramCase);
  if (programs.length === cases.value.length) return good(programs);
  const at = loaded.locator.locateKey(['guest']);
  return bad({ at, message: 'a profile is fitted to built-in programs, not to an image', hint: 'remove "guest"' });
}

/** The case behind each column of the table. */
function measuredCases({ columns }: MeasuredTable, scenario: string): Checked<readonly MachineOptions[]> {
  const loaded = namedScenario(scenario);
  if (!loaded.ok) return loaded;
  const cases = programCases(loaded.value);
  if (!cases.ok) return cases;
  const found: MachineOptions[] = [];
  for (const { name } of columns) {
    const { apicMode, ipiv } = MEASURED_CASES[name as keyof typeof MEASURED_CASES];
    const match = cases.value.filter((options) => options.apicMode === apicMode && options.ipiv === ipiv);
    if (match.length !== 1) {
      const message = `has ${match.length} cases for column ${name}`;
      return bad({ at: { source: scenario }, message, hint: 'exactly one is needed; drop other axes' });
    }
    found.push(match[0]);
  }
  return good(found);
}
