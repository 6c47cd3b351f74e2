/**
 * The interruption-information format shared by VM entry, VM exit and IDT vectoring (SDM vol. 3, tables 25-16, 25-19,
 * 25-20).
 */
import { BLOCKING_BY_MOV_SS } from '../cpu/activity.js';
import {
  EVENT_EXCEPTION,
  EVENT_EXTERNAL,
  EVENT_NMI,
  EVENT_SOFTWARE_EXCEPTION,
  EVENT_SOFTWARE_INTERRUPT,
  type IdtEvent,
} from '../cpu/fault.js';

export const INTR_INFO_VECTOR_MASK = 0xff;
export const INTR_INFO_TYPE_SHIFT = 8;
export const INTR_INFO_DELIVER_ERROR_CODE = 1 << 11;
/** Exit only: blocking by NMI was removed by the IRET that faulted. */
export const INTR_INFO_UNBLOCK_NMI = 1 << 12;
export const INTR_INFO_VALID = 0x8000_0000;
export const INTR_INFO_RESERVED = 0x7fff_f000;

/** Vectors of hardware exceptions that push an error code: #DF #TS #NP #SS #GP #PF #AC. */
const ERROR_CODE_VECTORS = (1 << 8) | (1 << 10) | (1 << 11) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 17);

export function pushesErrorCode(type: number, vector: number): boolean {
  return type === EVENT_EXCEPTION && vector < 32 && (ERROR_CODE_VECTORS & (1 << vector)) !== 0;
}

/** Types whose delivery pushes the RIP behind the instruction: INT n, INT1, INT3 and INTO. */
export function isSoftwareEvent(type: number): boolean {
  return type >= 4 && type <= 6;
}

/** Encodes an event; the error code goes into a field of its own. */
export function encodeInterruption(vector: number, type: number, hasErrorCode: boolean): number {
  return (
    (INTR_INFO_VALID | vector | (type << INTR_INFO_TYPE_SHIFT) | (hasErrorCode ? INTR_INFO_DELIVER_ERROR_CODE : 0)) >>>
    0
  );
}

const INTERRUPTS: readonly IdtEvent[] = Array.from({ length: 256 }, (_, vector) => ({
  type: EVENT_EXTERNAL,
  vector,
  errorCode: null,
  length: 0,
}));

/** The event that VM entry injects. `length` is the instruction length for software events. */
export function decodeInterruption(information: number, errorCode: number, length: number): IdtEvent {
  const vector = information & INTR_INFO_VECTOR_MASK;
  const type = (information >>> INTR_INFO_TYPE_SHIFT) & 7;
  if (type === EVENT_EXTERNAL) return INTERRUPTS[vector];
  const hasErrorCode = (information & INTR_INFO_DELIVER_ERROR_CODE) !== 0;
  return { type, vector, errorCode: hasErrorCode ? errorCode : null, length: isSoftwareEvent(type) ? length : 0 };
}

/** Interruption information of an NMI. */
export const NMI_INFORMATION = encodeInterruption(2, EVENT_NMI, false);

/**
 * Does the injection of `event` drop pending debug exceptions (27.7.3)? Software interrupts and exceptions behind MOV SS
 * keep them, as INT n, INT3 and INTO do.
 */
export function losesDebugTraps({ type }: IdtEvent, shadow: number): boolean {
  const isInstruction = type === EVENT_SOFTWARE_INTERRUPT || type === EVENT_SOFTWARE_EXCEPTION;
  return !isInstruction || (shadow & BLOCKING_BY_MOV_SS) === 0;
}
