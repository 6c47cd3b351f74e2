/** A record of decoded code, as the translator reads it (hardware/cpu/record.ts). */
import { TRANSLATED } from '../hardware/cpu/opcodes.js';
import * as R from '../hardware/cpu/record.js';

export class CodeRecord {
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

  constructor(view: DataView, at: number) {
    const opcode = view.getUint16(at + R.R_OP, true);
    this.at = at;
    this.opcode = opcode & ~TRANSLATED;
    this.isTranslated = opcode !== this.opcode;
    this.ticks = view.getUint16(at + R.R_COST, true);
    this.a = view.getUint8(at + R.R_A);
    this.b = view.getUint8(at + R.R_B);
    this.c = view.getUint8(at + R.R_C);
    this.length = view.getUint8(at + R.R_LENGTH);
    this.offset = view.getUint16(at + R.R_OFFSET, true);
    this.base = view.getUint8(at + R.R_BASE);
    this.index = view.getUint8(at + R.R_INDEX);
    this.scale = view.getUint8(at + R.R_SCALE);
    this.segment = view.getUint8(at + R.R_SEGMENT);
    this.addressFlags = view.getUint8(at + R.R_ADDRESS_FLAGS);
    this.isStack = view.getUint8(at + R.R_STACK);
    this.immediate = view.getBigInt64(at + R.R_IMMEDIATE, true);
    this.displacement = view.getInt32(at + R.R_DISPLACEMENT, true);
    this.targetOffset = view.getInt32(at + R.R_TARGET_OFFSET, true);
    this.target = view.getUint32(at + R.R_TARGET, true);
  }
}
