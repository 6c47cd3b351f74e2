import * as L from './layout.js';
import type { StateBlock } from './state-block.js';

/** Segment registers in the order of instruction encodings and of the VMCS. */
export const SEGMENT_ES = 0;
export const SEGMENT_CS = 1;
export const SEGMENT_SS = 2;
export const SEGMENT_DS = 3;
export const SEGMENT_FS = 4;
export const SEGMENT_GS = 5;
export const SEGMENT_LDTR = 6;
export const SEGMENT_TR = 7;

/** The hidden part of a segment register. */
export interface Segment {
  selector: number;
  /** Linear base, sign-extended when canonical. */
  base: number;
  limit: number;
  /** VMX format: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D/B 14, G 15, unusable 16. */
  access: number;
}

export const ACCESS_UNUSABLE = 1 << 16;
/** Of GDTR and IDTR at power-up. */
export const LIMIT_64K = 0xffff;

export function nullSegment(): Segment {
  return { selector: 0, base: 0, limit: 0, access: ACCESS_UNUSABLE };
}

/** GDTR or IDTR, in the state block. */
export class TableRegister {
  protected readonly state: StateBlock;
  protected readonly at: number;

  /** `at`: offset in the state block. */
  constructor(state: StateBlock, at: number) {
    this.state = state;
    this.at = at;
  }

  /** Linear base, sign-extended when canonical. */
  get base(): number {
    return this.state.long(this.at + L.REGISTER_BASE);
  }

  set base(value: number) {
    this.state.setLong(this.at + L.REGISTER_BASE, value);
  }

  get limit(): number {
    return this.state.word(this.at + L.REGISTER_LIMIT);
  }

  set limit(value: number) {
    this.state.setWord(this.at + L.REGISTER_LIMIT, value);
  }
}

/** A segment register with its hidden part, in the state block. */
class SegmentRegister extends TableRegister implements Segment {
  get selector(): number {
    return this.state.word(this.at + L.REGISTER_SELECTOR);
  }

  set selector(value: number) {
    this.state.setWord(this.at + L.REGISTER_SELECTOR, value);
  }

  get access(): number {
    return this.state.word(this.at + L.REGISTER_ACCESS);
  }

  set access(value: number) {
    this.state.setWord(this.at + L.REGISTER_ACCESS, value);
  }
}

/** ES CS SS DS FS GS LDTR TR of a processor. */
export function segmentRegisters(state: StateBlock): readonly Segment[] {
  return Array.from(
    { length: 8 },
    (_, number) => new SegmentRegister(state, L.CPU_SEGMENT_REGISTERS + number * L.SEGMENT_REGISTER_SIZE),
  );
}
