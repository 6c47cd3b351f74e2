import { writeOutput } from '../result/output-file.js';
import type { Problem } from '../scenario/problem.js';
import { BINARY_FORMATS, renderTrace, type TraceFormatName } from '../trace/format.js';
import type { TraceClock } from '../trace/ftrace.js';
import type { TraceRecording } from '../trace/recording.js';
import { printPieces, tell } from './console.js';
import type { Output } from './output-option.js';

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
