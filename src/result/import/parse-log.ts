import { bad, good, problemText, type Checked, type Problem } from '../../scenario/problem.js';
import { isMeasuredCsv, parseMeasuredCsv } from './measured-csv.js';
import { linesOf, type ParsedLog } from './parsed-log.js';
import { isPerfKvmStat, parsePerfKvmStat } from './perf-kvm-stat.js';
import { parseVmexitLog } from './vmexit-log.js';

/** Formats that `import` tells apart by their content. */
export const IMPORT_FORMATS = {
  vmexit: "console of kvm-unit-tests' vmexit: one start, or several in one file",
  tap: 'TAP of run_tests.sh, where it carries the lines of vmexit',
  'perf-kvm-stat': 'text of `perf kvm stat report`: exits and times per exit',
  csv: 'a column per case (xapic_off, xapic_on, x2apic_off, x2apic_on), or a row per run as `run --format csv`',
} as const satisfies Record<ParsedLog['format'], string>;

/** Reads a log of a real machine, in whichever of the formats it is. */
export function parseLog(file: string, text: string): Checked<ParsedLog> {
  if (text.trim() === '') return bad(problem(file, 'the file is empty', 'import what vmexit printed'));
  if (text.includes('\u0000')) return bad(problem(file, 'not a text file', HINT));
  if (/^\s*\{/.test(text)) return bad(problem(file, 'JSON is no log', 'saved results need no import'));
  const log = parser(text)(file, text);
  if (log.problems.length > 0) return bad(...firstFew(file, log.problems));
  if (log.runs.length === 0 && log.exitTables.length === 0) return bad(nothingFound(log));
  return good(log);
}

function parser(text: string): (file: string, text: string) => ParsedLog {
  if (isPerfKvmStat(text)) return parsePerfKvmStat;
  if (isMeasuredCsv(text)) return parseMeasuredCsv;
  const isTap = linesOf(text).some((line) => /^TAP version \d+|^(not )?ok \d+ - /.test(line));
  return (file, content) => parseVmexitLog(file, content, isTap ? 'tap' : 'vmexit');
}

const HINT = 'formats: output of vmexit, TAP, `perf kvm stat report`, CSV; see `ipiv-bench import --help`';

/** Why a readable file holds no result. */
function nothingFound({ file, format, skipped, foreign }: ParsedLog): Problem {
  if (skipped.length > 0) {
    const names = `${skipped.slice(0, 3).join(', ')}${skipped.length > 3 ? ', ...' : ''}`;
    return problem(file, `no result: skipped or failed: ${names}`, 'the IPI tests of vmexit need two CPUs');
  }
  if (format === 'tap') {
    return problem(file, 'this TAP report has no cycles', 'import the logs beside it: logs/vmexit_*.log');
  }
  const [first] = foreign;
  const example =
    foreign.length === 0 ? '' : `; ${foreign.length} foreign lines, the first is "${shortened(first.text)}"`;
  return problem(file, `no result in it${example}`, HINT);
}

/** At most ten problems of one file, and how many more there are. */
function firstFew(file: string, problems: readonly Problem[]): Problem[] {
  if (problems.length <= 10) return [...problems];
  const rest = problem(
    file,
    `${problems.length - 9} more problems`,
    `the last is ${problemText(problems[problems.length - 1])}`,
  );
  return [...problems.slice(0, 9), rest];
}

/** A line of a log, fit for a message. */
export function shortened(text: string): string {
  const visible = text.trim().replaceAll(/\p{Cc}/gu, '');
  return visible.length > 60 ? `${visible.slice(0, 57)}...` : visible;
}

function problem(source: string, message: string, hint: string): Problem {
  return { at: { source }, message, hint };
}
