/** Sixteen bytes of a vector register, seen as elements of any width. x86 and all hosts are little-endian. */
export class Lanes {
  readonly u8 = new Uint8Array(16);
  readonly i8 = new Int8Array(this.u8.buffer);
  readonly u16 = new Uint16Array(this.u8.buffer);
  readonly i16 = new Int16Array(this.u8.buffer);
  readonly u32 = new Uint32Array(this.u8.buffer);
  readonly i32 = new Int32Array(this.u8.buffer);
  readonly u64 = new BigUint64Array(this.u8.buffer);
}

/** Views whose elements are numbers, by type of element. */
export type LaneType = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32';
