import { chromeText } from './chrome.js';
import { ftraceText } from './ftrace.js';
import { perfettoBytes } from './perfetto.js';
import { perfStatText } from './perf-stat.js';
import type { TraceRecording } from './recording.js';
import type { TraceClock } from './trace-clock.js';
import { traceDatBytes } from './trace-dat.js';

/** Formats that a trace can be written in; the first is the usual one. */
export const TRACE_FORMAT_NAMES = ['ftrace', 'perf-stat', 'chrome', 'perfetto', 'trace-dat'] as const;
/** Name of a format. */
export type TraceFormatName = (typeof TRACE_FORMAT_NAMES)[number];

/** Formats that are not text. */
export const BINARY_FORMATS: readonly TraceFormatName[] = ['perfetto', 'trace-dat'];

type Pieces = Iterable<string | Uint8Array>;

const RENDERERS: Readonly<Record<TraceFormatName, (recording: TraceRecording, clock: TraceClock) => Pieces>> = {
  ftrace: ftraceText,
  'perf-stat': perfStatText,
  chrome: chromeText,
  perfetto: perfettoBytes,
  'trace-dat': traceDatBytes,
};

const PIECE_SIZE = 1 << 16;

/** A trace in some format, in pieces of a size that is good to write. `clock` is for formats of the kernel. */
export function* renderTrace(
  format: TraceFormatName,
  recording: TraceRecording,
  clock: TraceClock,
): Generator<Uint8Array, void, void> {
  const encoder = new TextEncoder();
  let parts: Uint8Array[] = [];
  let size = 0;
  for (const piece of RENDERERS[format](recording, clock)) {
    const bytes = typeof piece === 'string' ? encoder.encode(piece) : piece;
    parts.push(bytes);
    size += bytes.length;
    if (size < PIECE_SIZE) continue;
    yield joined(parts, size);
    parts = [];
    size = 0;
  }
  if (size > 0) yield joined(parts, size);
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
