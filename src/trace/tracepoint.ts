import type { TraceEventName, TraceFields } from './event.js';
import type { TraceRecording } from './recording.js';

/** C types of fields in event records, with their sizes in bytes. */
export const FIELD_TYPES = {
  u8: { c: 'u8', size: 1, signed: false },
  bool: { c: 'bool', size: 1, signed: false },
  u16: { c: '__u16', size: 2, signed: false },
  u32: { c: 'unsigned int', size: 4, signed: false },
  s32: { c: 'int', size: 4, signed: true },
  ulong: { c: 'unsigned long', size: 8, signed: false },
  u64: { c: 'u64', size: 8, signed: false },
  text: { c: 'char', size: 80, signed: true },
} as const;

/** Name of a field type. */
export type FieldType = keyof typeof FIELD_TYPES;
/** Value of a field, of whatever type. */
export type FieldValue = number | bigint | boolean | string;

/** How one event looks in ftrace: as text, and as a record with fields that a format string prints. */
export interface Tracepoint<Name extends TraceEventName> {
  readonly fields: readonly (readonly [type: FieldType, name: string])[];
  /** Values in the order of the fields. */
  readonly values: (event: TraceFields[Name], recording: TraceRecording) => readonly FieldValue[];
  /** Format string and arguments, as in the `print fmt` of the kernel's format files. */
  readonly print: (recording: TraceRecording) => string;
  /** The same as text. */
  readonly text: (event: TraceFields[Name], recording: TraceRecording) => string;
}

/** A 64-bit value in hexadecimal; negative numbers in two's complement. */
export function hex(value: number | bigint, digits = 0): string {
  return BigInt.asUintN(64, BigInt(value)).toString(16).padStart(digits, '0');
}

/** C source of the function that looks up a symbol. */
export function printSymbolic(value: string, symbols: readonly (readonly [value: number, name: string])[]): string {
  return `__print_symbolic(${value}, ${symbols.map(([each, name]) => `{ 0x${each.toString(16)}, "${name}" }`).join(', ')})`;
}
