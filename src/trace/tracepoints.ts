import type { TraceEvent, TraceEventName } from './event.js';
import { KVM_TRACEPOINTS } from './kvm-tracepoints.js';
import { MACHINE_TRACEPOINTS } from './machine-tracepoints.js';
import type { TraceRecording } from './recording.js';
import type { FieldValue, Tracepoint } from './tracepoint.js';

const TRACEPOINTS: { readonly [Name in TraceEventName]: Tracepoint<Name> } = {
  ...KVM_TRACEPOINTS,
  ...MACHINE_TRACEPOINTS,
};

/** How events of this name look in ftrace. */
export function tracepointOf<Name extends TraceEventName>(name: Name): Tracepoint<Name> {
  return TRACEPOINTS[name];
}

/** The text of an event behind its name. */
export function eventText(event: TraceEvent, recording: TraceRecording): string {
  return (tracepointOf(event.name) as Tracepoint<TraceEventName>).text(event, recording);
}

/** The values of an event's fields, in their order. */
export function eventValues(event: TraceEvent, recording: TraceRecording): readonly FieldValue[] {
  return (tracepointOf(event.name) as Tracepoint<TraceEventName>).values(event, recording);
}

/** Group of an event, as the kernel sorts tracepoints into systems. */
export function systemOf(name: TraceEventName): 'kvm' | 'ipiv' {
  return name.startsWith('kvm_') ? 'kvm' : 'ipiv';
}
