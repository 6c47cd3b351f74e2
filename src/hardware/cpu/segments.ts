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

export function nullSegment(): Segment {
  return { selector: 0, base: 0, limit: 0, access: ACCESS_UNUSABLE };
}
