import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { rowsText } from '../report/gate-text.js';
import { gate } from '../result/gate/gate.js';
import { rulesFor } from '../result/gate/limit.js';
import { loadResult } from '../result/load-result.js';
import { writeOutput } from '../result/output-file.js';
import { resultText, type SavedResult } from '../result/saved-result.js';
import { bad, good, type Checked } from '../scenario/problem.js';
import { example, type CommandModule } from './command.js';
import { complain, print } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { stdoutStyle } from './output-style.js';
import { loadResults } from './result-files.js';

/** `ipiv-bench baseline update BASELINE CURRENT --reason TEXT` */
export const baselineCommand: CommandModule = {
  define(command, run) {
    const update = command
      .command('update')
      .description('make a saved result the baseline, and write down why')
      .argument('<baseline>', 'file of the baseline, which may not exist yet')
      .argument('<current>', 'saved result that takes its place')
      .requiredOption('--reason <text>', 'why cycles may move; `gate` shows it from then on')
      .showHelpAfterError('(see ipiv-bench baseline update --help)')
      .action((baseline: string, current: string, { reason }: { reason: string }) =>
        run(() => execute(baseline, current, reason, command)),
      );
    example(
      update,
      'ipiv-bench baseline update results/baselines/x2apic.json current.json --reason "cheaper VM exits"',
    );
    example(
      command,
      'ipiv-bench baseline update results/baselines/x2apic.json current.json --reason "cheaper VM exits"',
    );
  },
};

async function execute(file: string, currentFile: string, text: string, command: Command): Promise<ExitCode> {
  const reason = text.replaceAll(/\s+/g, ' ').trim();
  const before = previous(file);
  const loaded = loadResults([currentFile]);
  const problems = [
    ...(reason === '' ? [{ at: { source: '--reason' }, message: 'is empty', hint: 'say why cycles may move' }] : []),
    ...(before.ok ? [] : before.problems),
  ];
  if (problems.length > 0) complain(problems);
  if (!loaded.ok) return loaded.code;
  if (problems.length > 0 || !before.ok) return EXIT.INPUT_ERROR;
  const [current] = loaded.results;
  const obstacle = obstacleTo(current);
  if (obstacle !== null) {
    const hint = 'a baseline needs every run: run the scenario to its end';
    return complain([{ at: { source: currentFile }, message: obstacle, hint }]);
  }
  return replace(file, before.value, current, reason, command);
}

/** The baseline so far; null where there is none that can be compared with. Any other file is not ours to overwrite. */
function previous(file: string): Checked<SavedResult | null> {
  if (!existsSync(file)) return good(null);
  const loaded = loadResult(file);
  if (loaded.status === 'loaded') return good(loaded.result);
  if (loaded.status === 'other-schema') return good(null);
  return bad({ ...loaded.problem, hint: 'it is not overwritten; remove it first, or name another file' });
}

function obstacleTo({ interrupted, cases }: SavedResult): string | null {
  if (interrupted) return 'was interrupted';
  return cases.some(({ failures }) => failures.length > 0) ? 'has failed runs' : null;
}

async function replace(
  file: string,
  before: SavedResult | null,
  current: SavedResult,
  reason: string,
  command: Command,
): Promise<ExitCode> {
  if (before?.digest === current.digest) return say(`${file} is this result already: left as it is\n`);
  const baseline = { reason, replaces: before?.digest ?? null };
  const problem = writeOutput(file, resultText({ ...current, baseline }));
  if (problem !== null) return complain([problem]);
  if (before === null) return say(`${file}: first baseline, ${current.cases.length} rows\n`);
  const report = gate(before, current, rulesFor(before, current, { exact: false, limits: [] }));
  const changed = report.rows.filter(({ status }) => status !== 'same').length;
  const head = `${file}: replaced, ${changed} of ${report.rows.length} rows are not as they were\n`;
  return say(`${head}${rowsText(report, stdoutStyle(command))}`);
}

async function say(text: string): Promise<ExitCode> {
  const problem = await print(text);
  return problem === null ? EXIT.DONE : complain([problem]);
}
