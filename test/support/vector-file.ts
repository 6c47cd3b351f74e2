/**
 * The files of recorded instructions: a deflated sequence of vectors after a header that names the processor. What
 * a vector does not mention is unchanged from its initial state.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';

const MAGIC = 'ipiv-vec';
const VERSION = 2;
export const NO_EXCEPTION = 0xff;

/** An eight-byte value at an offset of the window. */
export interface WindowWord {
  readonly offset: number;
  readonly value: bigint;
}

export interface RegisterValue {
  /** 0-15 in SDM order. */
  readonly register: number;
  readonly value: bigint;
}

/** A run of changed bytes of the window. */
export interface WindowChange {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface Vector {
  readonly code: Uint8Array;
  /** How many instructions the code has. */
  readonly instructions: number;
  /** Number of the state before the instruction. */
  readonly state: number;
  /** What differs from the numbered state before the instruction. */
  readonly registersBefore: readonly RegisterValue[];
  readonly windowBefore: readonly WindowWord[];
  /** Vector of the exception, or NO_EXCEPTION. */
  readonly exception: number;
  /** RIP afterwards, relative to the instruction. */
  readonly ripChange: number;
  readonly flags: number;
  /** Flags that the architecture defines after this instruction. */
  readonly definedFlags: number;
  /** Bit per register whose value the architecture leaves open. */
  readonly undefinedRegisters: number;
  readonly registersAfter: readonly RegisterValue[];
  readonly windowAfter: readonly WindowChange[];
}

export interface VectorFile {
  /** Model name of the processor that executed the instructions. */
  readonly processor: string;
  readonly vectors: readonly Vector[];
}

/** Grows as needed; little-endian. */
class Writer {
  #view = new DataView(new ArrayBuffer(1 << 16));
  #length = 0;

  #reserve(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#view.byteLength) {
      const larger = new Uint8Array(this.#view.byteLength * 2 + bytes);
      larger.set(new Uint8Array(this.#view.buffer));
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  u8(value: number): void {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }

  u64(value: bigint): void {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value, true);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    new Uint8Array(this.#view.buffer).set(bytes, at);
  }

  list<T>(items: readonly T[], write: (item: T) => void): void {
    this.u8(items.length);
    items.forEach(write);
  }

  get result(): Uint8Array {
    return new Uint8Array(this.#view.buffer, 0, this.#length);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#at++);
  }

  u16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2, true);
  }

  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  u64(): bigint {
    this.#at += 8;
    return this.#view.getBigUint64(this.#at - 8, true);
  }

  bytes(length: number): Uint8Array {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.u8() }, read);
  }
}

export function encodeVectors({ processor, vectors }: VectorFile): Uint8Array {
  const writer = new Writer();
  writer.bytes(new TextEncoder().encode(MAGIC));
  writer.u8(VERSION);
  const name = new TextEncoder().encode(processor);
  writer.u8(name.length);
  writer.bytes(name);
  writer.u32(vectors.length);
  vectors.forEach((vector, index) => {
    writer.u32((vector.state - (vectors[index - 1]?.state ?? 0)) >>> 0);
    writeVector(writer, vector);
  });
  return deflateRawSync(writer.result, { level: 9 });
}

function writeVector(writer: Writer, vector: Vector): void {
  const register = (item: RegisterValue): void => {
    writer.u8(item.register);
    writer.u64(item.value);
  };
  writer.u8(vector.code.length);
  writer.bytes(vector.code);
  writer.u8(vector.instructions);
  writer.list(vector.registersBefore, register);
  writer.list(vector.windowBefore, ({ offset, value }) => {
    writer.u8(offset);
    writer.u64(value);
  });
  writer.u8(vector.exception);
  writer.u16(vector.ripChange & 0xffff);
  writer.u16(vector.flags);
  writer.u16(vector.definedFlags);
  writer.u16(vector.undefinedRegisters);
  writer.list(vector.registersAfter, register);
  writer.list(vector.windowAfter, ({ offset, bytes }) => {
    writer.u8(offset);
    writer.u8(bytes.length);
    writer.bytes(bytes);
  });
}

/** Throws when the bytes are not a vector file of this version. */
export function decodeVectors(file: Uint8Array): VectorFile {
  const reader = new Reader(inflateRawSync(file));
  const magic = new TextDecoder().decode(reader.bytes(MAGIC.length));
  if (magic !== MAGIC || reader.u8() !== VERSION) throw new Error('not a file of recorded instructions, version 2');
  const processor = new TextDecoder().decode(reader.bytes(reader.u8()));
  let state = 0;
  const vectors = Array.from({ length: reader.u32() }, () => {
    state = (state + reader.u32()) >>> 0;
    return { state, ...readVector(reader) };
  });
  return { processor, vectors };
}

function readVector(reader: Reader): Omit<Vector, 'state'> {
  const register = (): RegisterValue => ({ register: reader.u8(), value: reader.u64() });
  return {
    code: reader.bytes(reader.u8()),
    instructions: reader.u8(),
    registersBefore: reader.list(register),
    windowBefore: reader.list(() => ({ offset: reader.u8(), value: reader.u64() })),
    exception: reader.u8(),
    ripChange: (reader.u16() << 16) >> 16,
    flags: reader.u16(),
    definedFlags: reader.u16(),
    undefinedRegisters: reader.u16(),
    registersAfter: reader.list(register),
    windowAfter: reader.list(() => ({ offset: reader.u8(), bytes: reader.bytes(reader.u8()) })),
  };
}
