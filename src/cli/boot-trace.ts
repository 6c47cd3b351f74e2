/** `boot --trace`: what the machine of an image does, written when the image has ended. */
import { Tracing } from '../machine/tracing.js';
import { bad, good, type Checked, type Problem } from '../scenario/problem.js';
import type { TraceFormatName } from '../trace/format.js';
import type { Output } from './output-option.js';
import { imageTracing, selectedEvents, TRACE_OPTION_NAMES, type TraceOptions } from './trace-options.js';
import { outputProblem, parseTraceOutput, writeTrace } from './trace-outputs.js';

/** Options of `boot` that matter here. */
export interface BootTraceOptions extends TraceOptions {
  readonly trace?: readonly string[];
  readonly vcpus: number;
}

/** A trace that is wanted. */
export interface BootTrace {
  readonly tracing: Tracing;
  /** Writes what has been recorded; returns what went wrong. */
  readonly write: (title: string, tscGHz: number) => Promise<readonly Problem[]>;
}

/** What the options of which some are given ask for. */
export function bootTrace(
  options: BootTraceOptions,
  isGiven: (name: (typeof TRACE_OPTION_NAMES)[number]) => boolean,
): Checked<BootTrace> {
  const { trace, clock } = options;
  if (trace === undefined) {
    const idle = TRACE_OPTION_NAMES.find(isGiven) ?? 'trace';
    return bad({ at: { source: `--${idle}` }, message: 'nothing is traced', hint: 'add --trace FORMAT=FILE' });
  }
  const outputs = parseOutputs(trace);
  if (!outputs.ok) return outputs;
  const events = selectedEvents(options);
  if (!events.ok) return events;
  const problem = outputProblem('--trace', outputs.value, events.value);
  if (problem !== null) return bad(problem);
  const tracingOptions = imageTracing(options, events.value, options.vcpus);
  if (!tracingOptions.ok) return tracingOptions;
  const tracing = new Tracing(tracingOptions.value);
  return good({
    tracing,
    write: (title, tscGHz) => writeTrace(tracing.recording(title, tscGHz), outputs.value, clock),
  });
}

/** Stdout is the guest's console. */
function parseOutputs(texts: readonly string[]): Checked<readonly Output<TraceFormatName>[]> {
  const outputs: Output<TraceFormatName>[] = [];
  for (const text of texts) {
    const parsed = parseTraceOutput('--trace', text);
    if (!parsed.ok) return parsed;
    if (parsed.value.file === null) {
      const hint = `write --trace ${parsed.value.format}=FILE`;
      return bad({ at: { source: `--trace ${text}` }, message: "stdout is the guest's console", hint });
    }
    outputs.push(parsed.value);
  }
  return good(outputs);
}
