/** Writes the wire format of protocol buffers: fields of one message, in the order in which they are added. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;

const encoder = new TextEncoder();

/** A message in the making; every method adds one field. */
export class ProtobufMessage {
  readonly #bytes: number[] = [];

  /** An unsigned integer below 2^53, or a boolean or enumeration. */
  varint(field: number, value: number | boolean): this {
    this.#varint(field * 8 + VARINT);
    this.#varint(Number(value));
    return this;
  }

  /** A signed integer (int64, not sint64). */
  int64(field: number, value: number): this {
    this.#varint(field * 8 + VARINT);
    this.#varint(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  fixed64(field: number, value: number): this {
    this.#varint(field * 8 + FIXED64);
    for (let rest = BigInt(value), byte = 0; byte < 8; byte++, rest >>= 8n) this.#bytes.push(Number(rest & 0xffn));
    return this;
  }

  text(field: number, value: string): this {
    return this.#delimited(field, encoder.encode(value));
  }

  message(field: number, message: ProtobufMessage): this {
    return this.#delimited(field, message.#bytes);
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #delimited(field: number, bytes: Iterable<number> & { readonly length: number }): this {
    this.#varint(field * 8 + LENGTH_DELIMITED);
    this.#varint(bytes.length);
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  #varint(value: number | bigint): void {
    let rest = BigInt(value);
    while (rest > 0x7fn) {
      this.#bytes.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.#bytes.push(Number(rest));
  }
}
