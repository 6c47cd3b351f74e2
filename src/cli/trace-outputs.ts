import { writeOutput } from '../result/output-file.js';
import { suggestion } from '../scenario/closest.js';
import { bad, good, type Checked, type Problem } from '../scenario/problem.js';
import { BINARY_FORMATS, renderTrace, TRACE_FORMAT_NAMES, type TraceFormatName } from '../trace/format.js';
import type { TraceRecording } from '../trace/recording.js';
import type { TraceClock } from '../trace/trace-clock.js';
import { printPieces, tell } from './console.js';
import type { Output } from './output-option.js';

/** Parses `FORMAT` or `FORMAT=FILE`; a format alone, or with the file -, goes to stdout. */
export function parseTraceOutput(option: string, text: string): Checked<Output<TraceFormatName>> {
  const source = `${option} ${text}`;
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  const file = equals < 0 ? '-' : text.slice(equals + 1);
  const format = TRACE_FORMAT_NAMES.find((each) => each === name);
  if (format === undefined) {
    const hint = suggestion(name, TRACE_FORMAT_NAMES, 'known formats');
    return bad({ at: { source }, message: `unknown format "${name}"`, hint });
  }
  if (file === '')
    return bad({ at: { source }, message: 'no file', hint: `write ${name}=FILE, or ${name} for stdout` });
  return good({ format, file: file === '-' ? null : file });
}

/** Why these outputs cannot be, as far as one can tell before anything runs. */
export function outputProblem(
  option: string,
  outputs: readonly Output<TraceFormatName>[],
  events: TraceRecording['events'],
): Problem | null {
  const onStdout = outputs.filter(({ file }) => file === null).map(({ format }) => format);
  const binary = onStdout.find((format) => BINARY_FORMATS.includes(format));
  const at = { source: option };
  if (onStdout.length > 1) {
    return { at, message: `${onStdout.join(' and ')} on stdout`, hint: 'write all but one to files: FORMAT=FILE' };
  }
  if (binary !== undefined && process.stdout.isTTY) {
    return { at, message: `${binary} is not for a terminal`, hint: `write ${binary}=FILE` };
  }
  const hasPerf = outputs.some(({ format }) => format === 'perf-stat');
  if (hasPerf && !(events.has('kvm_exit') && events.has('kvm_entry'))) {
    return { at, message: 'perf-stat needs kvm_exit and kvm_entry', hint: 'add them to --event' };
  }
  return null;
}

/** Writes a recording everywhere, and says what is missing in it. */
export async function writeTrace(
  recording: TraceRecording,
  outputs: readonly Output<TraceFormatName>[],
  clock: TraceClock,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const { format, file } of outputs) {
    const pieces = renderTrace(format, recording, clock);
    const problem = file === null ? await printPieces(pieces) : writeOutput(file, pieces);
    if (problem !== null) problems.push(problem);
  }
  warn(recording);
  return problems;
}

function warn({ records, lost }: TraceRecording): void {
  lost.forEach((count, cpu) => {
    if (count > 0) tell(`warning: ${count} earlier events of vCPU ${cpu} are missing: raise --limit, or select fewer`);
  });
  if (records.length === 0) tell('note: none of the selected events happened');
}
