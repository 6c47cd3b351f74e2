/** Little-endian binary data of unknown length. */
const FIRST_CAPACITY = 4096;

/** Appends numbers, text and bytes. */
export class ByteWriter {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** Negative values in two's complement. */
  u64(value: number | bigint): this {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
    return this;
  }

  bytes(data: Uint8Array): this {
    const at = this.#reserve(data.length);
    this.#bytes.set(data, at);
    return this;
  }

  /** UTF-8 without an end mark. */
  text(text: string): this {
    return this.bytes(new TextEncoder().encode(text));
  }

  /** Zeros up to a multiple of `size`. */
  align(size: number): this {
    const rest = this.#length % size;
    if (rest !== 0) this.#reserve(size - rest);
    return this;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Room at the end, filled with zeros. May replace the buffer. */
  #reserve(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) this.#grow(size);
    return at;
  }

  #grow(size: number): void {
    const grown = new Uint8Array(2 * (this.#bytes.length + size));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
