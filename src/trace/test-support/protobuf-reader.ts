/** Reads the wire format of protocol buffers with a schema: field numbers, names and types, as .proto files have them. */
export type FieldKind = 'varint' | 'fixed64' | 'string' | Schema;
export interface Schema {
  readonly [field: number]: readonly [name: string, kind: FieldKind];
}

export type Message = Record<string, unknown[]>;

/** Every field as a list; throws for a field that the schema does not have, or whose wire type is another. */
export function readMessage(bytes: Uint8Array, schema: Schema): Message {
  const message: Message = {};
  const reader = new WireReader(bytes);
  while (!reader.atEnd) {
    const tag = Number(reader.varint());
    const known = schema[tag >>> 3] as Schema[number] | undefined;
    if (known === undefined) throw new Error(`no field ${tag >>> 3}`);
    const [name, kind] = known;
    (message[name] ??= []).push(readField(reader, tag & 7, kind));
  }
  return message;
}

function readField(reader: WireReader, wireType: number, kind: FieldKind): unknown {
  const expected = kind === 'varint' ? 0 : kind === 'fixed64' ? 1 : 2;
  if (wireType !== expected) throw new Error(`wire type ${wireType}, not ${expected}`);
  if (kind === 'varint') return Number(BigInt.asIntN(64, reader.varint()));
  if (kind === 'fixed64') return Number(reader.fixed64());
  const bytes = reader.delimited();
  return kind === 'string' ? new TextDecoder('utf-8', { fatal: true }).decode(bytes) : readMessage(bytes, kind);
}

class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#take(1)[0];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  fixed64(): bigint {
    const bytes = this.#take(8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  }

  delimited(): Uint8Array {
    return this.#take(Number(this.varint()));
  }

  #take(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) throw new Error('the message is cut off');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}
