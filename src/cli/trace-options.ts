/** What to record and how to write it: options that `trace` and `boot` share. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { TracingOptions } from '../machine/tracing.js';
import { suggestion } from '../scenario/closest.js';
import { bad, good, type Checked } from '../scenario/problem.js';
import { DEFAULT_EVENTS, eventsNamed, TRACE_EVENT_GROUPS, TRACE_EVENT_NAMES } from '../trace/event-selection.js';
import type { TraceEventName } from '../trace/event.js';
import { TRACE_CLOCKS, type TraceClock } from '../trace/trace-clock.js';
import { collect, wholeNumber } from './numbers.js';

/** Enough for some ten thousand IPIs; a few hundred bytes each while they are kept. */
const DEFAULT_LIMIT = 100_000;

/** What `--time` can say. */
export type TimeWindow = TracingOptions['time'] | 'all';

/** As commander gives them. */
export interface TraceOptions {
  readonly event?: readonly string[];
  readonly vcpu?: readonly number[];
  readonly time?: TimeWindow;
  readonly limit: number;
  readonly disassemble?: true;
  readonly clock: TraceClock;
}

/** Adds the options to a command. */
export function addTraceOptions(command: Command): void {
  const groups = Object.keys(TRACE_EVENT_GROUPS).join(', ');
  command
    .optionsGroup('What to record:')
    .option(
      '--event <names>',
      `events or groups of them (${groups}), separated by commas; repeatable (default: kvm,ipiv)`,
      collect,
    )
    .option('--vcpu <list>', 'vCPUs, such as 0 or 0,2-5 (default: all)', vcpuList)
    .option(
      '--time <window>',
      'loop (the timed one), all, or FROM..TO in TSC cycles since reset (default: loop; of an image: all)',
      timeWindow,
    )
    .option('--limit <n>', 'events kept per vCPU: the last ones', wholeNumber(1), DEFAULT_LIMIT)
    .option('--disassemble', 'also every guest instruction with its cycles')
    .addOption(new Option('--clock <clock>', 'times in ftrace and trace-dat').choices(TRACE_CLOCKS).default('local'));
}

/** Options of `addTraceOptions` as the command line names them. */
export const TRACE_OPTION_NAMES = ['event', 'vcpu', 'time', 'limit', 'disassemble', 'clock'] as const;

type Events = TracingOptions['events'];

/** What to record of a built-in program: its timed loop unless the user says otherwise. */
export function programTracing(options: TraceOptions, events: Events, vcpus: number): Checked<TracingOptions> {
  return tracingOptions(options, events, vcpus, 'timed-loop');
}

/** What to record of an image: everything unless the user says otherwise. */
export function imageTracing(options: TraceOptions, events: Events, vcpus: number): Checked<TracingOptions> {
  if (options.time !== 'timed-loop') return tracingOptions(options, events, vcpus, 'all');
  const hint = 'take all, or cycles such as 1000000..2000000';
  return bad({ at: { source: '--time loop' }, message: 'an image does not mark its timed loop', hint });
}

function tracingOptions(
  options: TraceOptions,
  events: Events,
  vcpus: number,
  window: TimeWindow,
): Checked<TracingOptions> {
  const missing = (options.vcpu ?? []).find((vcpu) => vcpu >= vcpus);
  if (missing !== undefined) {
    const message = `there ${vcpus === 1 ? 'is 1 vCPU' : `are ${vcpus} vCPUs`}`;
    return bad({ at: { source: `--vcpu ${missing}` }, message, hint: `the last one is ${vcpus - 1}` });
  }
  const time = options.time ?? window;
  return good({
    events,
    vcpus: options.vcpu === undefined ? null : new Set(options.vcpu),
    time: time === 'all' ? { from: 0, to: Infinity } : time,
    limit: options.limit,
  });
}

/** The events that are to be recorded. */
export function selectedEvents({ event, disassemble }: TraceOptions): Checked<Events> {
  const events = new Set<TraceEventName>(event === undefined ? DEFAULT_EVENTS : []);
  for (const word of (event ?? []).flatMap((list) => list.split(','))) {
    const named = eventsNamed(word);
    if (named === null) {
      const hint = suggestion(word, [...Object.keys(TRACE_EVENT_GROUPS), ...TRACE_EVENT_NAMES], 'groups and events');
      return bad({ at: { source: `--event ${word}` }, message: 'no such event', hint });
    }
    for (const name of named) events.add(name);
  }
  if (disassemble === true) events.add('ipiv_instruction');
  return good(events);
}

function vcpuList(text: string): readonly number[] {
  return text.split(',').flatMap((part) => {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part);
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (match === null || last < first) throw new InvalidArgumentError('expected numbers such as 0 or 0,2-5.');
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

function timeWindow(text: string): TimeWindow {
  if (text === 'loop') return 'timed-loop';
  if (text === 'all') return 'all';
  const match = /^(\d*)\.\.(\d*)$/.exec(text);
  const [from, to] = [Number(match?.[1]), match?.[2] === '' ? Infinity : Number(match?.[2])];
  if (match === null || text === '..' || to < from) {
    throw new InvalidArgumentError('expected loop, all, or cycles such as 100000..250000, 100000.. or ..5000.');
  }
  return { from, to };
}
