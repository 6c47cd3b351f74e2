/** A record of decoded code, as the translator reads it (hardware/cpu/record.ts). */
import { TRANSLATED } from '../hardware/cpu/opcodes.js';
import * as R from '../hardware/cpu/record.js';

export interface CodeRecord {
  readonly at: number;
  readonly opcode: number;
  readonly isTranslated: boolean;
  readonly ticks: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly length: number;
  readonly offset: number;
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  readonly segment: number;
  readonly addressFlags: number;
  readonly isStack: number;
  readonly immediate: bigint;
  readonly displacement: number;
  readonly targetOffset: number;
  readonly target: number;
}

export function readRecord(view: DataView, at: number): CodeRecord {
  const opcode = view.getUint16(at + R.R_OP, true);
  return {
    at,
    opcode: opcode & ~TRANSLATED,
    isTranslated: opcode >= TRANSLATED,
    ticks: view.getUint16(at + R.R_COST, true),
    a: view.getUint8(at + R.R_A),
    b: view.getUint8(at + R.R_B),
    c: view.getUint8(at + R.R_C),
    length: view.getUint8(at + R.R_LENGTH),
    offset: view.getUint16(at + R.R_OFFSET, true),
    base: view.getUint8(at + R.R_BASE),
    index: view.getUint8(at + R.R_INDEX),
    scale: view.getUint8(at + R.R_SCALE),
    segment: view.getUint8(at + R.R_SEGMENT),
    addressFlags: view.getUint8(at + R.R_ADDRESS_FLAGS),
    isStack: view.getUint8(at + R.R_STACK),
    immediate: view.getBigInt64(at + R.R_IMMEDIATE, true),
    displacement: view.getInt32(at + R.R_DISPLACEMENT, true),
    targetOffset: view.getInt32(at + R.R_TARGET_OFFSET, true),
    target: view.getUint32(at + R.R_TARGET, true),
  };
}
