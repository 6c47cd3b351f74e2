import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Option, type Command } from 'commander';
import { APIC_MODES } from '../machine/machine-options.js';
import { FORMAT_NAMES, FORMATS, type FormatName } from '../report/format.js';
import { importLogs, type ImportOptions } from '../result/import/import-logs.js';
import { settingValue } from '../result/import/log-settings.js';
import { parseLog } from '../result/import/parse-log.js';
import type { ParsedLog } from '../result/import/parsed-log.js';
import { writeOutput } from '../result/output-file.js';
import { resultText, sealResult, type MachineDescription, type SavedResult } from '../result/saved-result.js';
import { unreadable } from '../scenario/load.js';
import { parseOverride, type Override } from '../scenario/overrides.js';
import { bad, good, type Checked, type Problem } from '../scenario/problem.js';
import { example, type CommandModule } from './command.js';
import { complain, print, tell } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { importNotes } from './import-notes.js';
import { missingCycles } from './missing-cycles.js';
import { collect } from './numbers.js';
import { stdoutStyle } from './output-style.js';
import { toolVersion } from './package-file.js';
import { scenarioFile } from './scenario-file.js';

interface Options extends Omit<MachineDescription, 'name'> {
  readonly machine?: string;
  readonly apicMode?: string;
  readonly ipiv?: string;
  readonly scenario?: string;
  readonly set?: readonly string[];
  readonly name?: string;
  readonly output?: string;
  readonly saveDir: string;
  readonly format: FormatName;
}

/** What a stock kvm-unit-tests runs on, as far as the log does not tell. */
const STOCK_GUEST = { apicMode: 'x2apic', ipiv: false, apHaltPolicy: 'hlt' };

/** `ipiv-bench import LOG...` */
export const importCommand: CommandModule = {
  define(command, run) {
    command
      .argument('<log...>', 'output of vmexit, TAP, text of `perf kvm stat report`, or CSV; - is stdin')
      .optionsGroup('The machine (kept with the result, not checked):')
      .option('--machine <name>', 'name of the machine')
      .option('--cpu <model>', 'its processor')
      .option('--kernel <version>', 'kernel of the host')
      .option('--note <text>', 'anything else')
      .optionsGroup('What was measured, where the logs do not say it:')
      .addOption(new Option('--apic-mode <mode>', 'APIC mode of the guest (default: x2apic)').choices(APIC_MODES))
      .addOption(new Option('--ipiv <setting>', 'IPI virtualization (default: off)').choices(['on', 'off']))
      .option('--set <key=value>', 'any other key of a scenario (default: apHaltPolicy=hlt); repeatable', collect)
      .option('--scenario <scenario>', 'take the settings of a scenario; a file or a shipped one')
      .optionsGroup('Where the result goes:')
      .option('--name <name>', 'name of the result (default: that of the first log)')
      .option('-o, --output <file>', 'file of the result (default: made from its name, in --save-dir)')
      .option('--save-dir <dir>', 'folder of saved results', 'results')
      .addOption(new Option('--format <format>', 'format on stdout').choices(FORMAT_NAMES).default('table'))
      .addHelpText('after', HELP)
      .action((logs: string[], options: Options) => run(() => execute(logs, options, command)));
    example(command, 'ipiv-bench import vmexit.log --machine lab1 --apic-mode x2apic --ipiv on');
  },
};

const HELP = `
Runs with equal settings, in one log or in many, are the runs of one case. A line such as
  # apicMode=xapic ipiv=on
in a log gives the settings of the runs that follow it.`;

async function execute(files: readonly string[], options: Options, command: Command): Promise<ExitCode> {
  const logs = readLogs(files);
  const request = importOptions(files, options);
  if (!logs.ok || !request.ok) {
    return complain([...(logs.ok ? [] : logs.problems), ...(request.ok ? [] : request.problems)]);
  }
  const imported = importLogs(logs.value, request.value);
  if (!imported.ok) return complain(imported.problems);
  const result = sealResult(imported.value, {
    date: new Date().toISOString(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    jobs: 1,
    wallSeconds: 0,
  });
  for (const note of importNotes(logs.value, result, request.value.settings, options.scenario)) tell(note);
  const problem = save(result, options) ?? (await show(files[0], result, options.format, command));
  return problem === null ? EXIT.DONE : complain([problem]);
}

function save(result: SavedResult, { output, saveDir }: Options): Problem | null {
  const digest = result.digest.slice('sha256:'.length, 'sha256:'.length + 10);
  const file = output ?? join(saveDir, `${result.scenario.name}-${digest}.json`);
  const problem = writeOutput(file, resultText(result));
  if (problem === null) tell(`saved ${file}`);
  return problem;
}

async function show(file: string, result: SavedResult, name: FormatName, command: Command): Promise<Problem | null> {
  const format = await FORMATS[name].load();
  return (await print(format.render(result, stdoutStyle(command)))) ?? missingCycles(file, result, [name]);
}

/** All logs are read before anything is made of them. */
function readLogs(files: readonly string[]): Checked<readonly ParsedLog[]> {
  const logs: ParsedLog[] = [];
  const problems: Problem[] = [];
  for (const file of files) {
    const log = readLog(file);
    if (log.ok) logs.push(log.value);
    else problems.push(...log.problems);
  }
  return problems.length > 0 ? bad(...problems) : good(logs);
}

function readLog(file: string): Checked<ParsedLog> {
  try {
    return file === '-' ? parseLog('stdin', readFileSync(0, 'utf8')) : parseLog(file, readFileSync(file, 'utf8'));
  } catch (error) {
    return bad({ ...unreadable(file, error as NodeJS.ErrnoException), hint: 'name a log of a real machine' });
  }
}

function importOptions(files: readonly string[], options: Options): Checked<ImportOptions> {
  const settings = settingsOf(options);
  const scenario = scenarioOf(options.scenario);
  if (!settings.ok) return settings;
  if (!scenario.ok) return scenario;
  const name = options.name ?? (basename(files[0]).replace(/\.[^.]*$/, '') || 'imported');
  return good({
    toolVersion: toolVersion(),
    name: name.replace(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9]+/, '') || 'imported',
    machine: machineOf(options),
    scenario: scenario.value,
    settings: settings.value,
  });
}

function machineOf({ machine: name, cpu, kernel, note }: Options): MachineDescription {
  const known = Object.entries({ name, cpu, kernel, note }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known);
}

function scenarioOf(name: string | undefined): Checked<ImportOptions['scenario']> {
  if (name === undefined) return good({ file: 'import', text: JSON.stringify(STOCK_GUEST) });
  const file = scenarioFile(name);
  try {
    return good({ file, text: readFileSync(file, 'utf8') });
  } catch (error) {
    return bad(unreadable(file, error as NodeJS.ErrnoException));
  }
}

function settingsOf({ apicMode, ipiv, set = [] }: Options): Checked<readonly Override[]> {
  const settings: Override[] = [];
  if (apicMode !== undefined) settings.push({ key: 'apicMode', value: apicMode, source: `--apic-mode ${apicMode}` });
  if (ipiv !== undefined) settings.push({ key: 'ipiv', value: settingValue(ipiv), source: `--ipiv ${ipiv}` });
  for (const text of set) {
    const parsed = parseOverride(text);
    if (!parsed.ok) return parsed;
    settings.push({ ...parsed.value, value: settingValue(parsed.value.value) });
  }
  return good(settings);
}
