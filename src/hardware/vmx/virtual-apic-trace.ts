/** What the interpreter reports of APIC virtualization, as trace events. */
import type { IcrOutcome, TraceEvent, TraceSink } from '../../trace/event.js';
import * as L from '../cpu/layout.js';

/** Passes on the event `report` (REPORT_*) with its two values. */
export function traceReport(trace: TraceSink, report: number, first: number, second: number): void {
  trace(eventOf(report, first, second));
}

function eventOf(report: number, first: number, second: number): TraceEvent {
  switch (report) {
    case L.REPORT_ICR_EXITS:
      return icrWrite(first, second, 'exit');
    case L.REPORT_ICR_POSTED:
      return icrWrite(first, second, 'posted');
    case L.REPORT_ICR_SELF:
      return icrWrite(first, second, 'self');
    case L.REPORT_EOI:
      return { name: 'ipiv_eoi', vector: first };
    case L.REPORT_DELIVERY:
      return { name: 'ipiv_delivery', vector: first };
    case L.REPORT_PIR_SET:
    case L.REPORT_PIR_SET_AGAIN:
      return {
        name: 'ipiv_pir_set',
        descriptor: first,
        vector: second,
        wasSet: report === L.REPORT_PIR_SET_AGAIN,
      };
    case L.REPORT_ON_SET:
    case L.REPORT_ON_CLEARED:
      return { name: 'ipiv_on', descriptor: first, on: report === L.REPORT_ON_SET };
    case L.REPORT_PIR_TAKEN:
      return { name: 'ipiv_pir_taken', descriptor: first };
    case L.REPORT_PROCESSED:
      return { name: 'ipiv_pi_processed', rvi: first };
    case L.REPORT_HALT:
      return { name: 'ipiv_halt', instruction: 'hlt' };
    case L.REPORT_WAKE:
      return { name: 'ipiv_wake' };
    default:
      throw new RangeError(`the interpreter reports unknown event ${String(report)}`);
  }
}

/** A write to the virtual ICR, once it is known what becomes of it. */
function icrWrite(high: number, low: number, outcome: IcrOutcome): TraceEvent {
  return { name: 'ipiv_icr_write', icr: (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0), outcome };
}
